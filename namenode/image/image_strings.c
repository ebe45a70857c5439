#include "namenode/image/image_strings.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAP = 256 };

void image_strings_init(struct image_strings *s)
{
    *s = (struct image_strings){0};
}

void image_strings_done(struct image_strings *s)
{
    for (uint32_t i = 0; i < s->cap; i++)
        free(s->slots[i].text);
    free(s->slots);
    image_strings_init(s);
}

static uint32_t hash(enum string_kind kind, const char *text)
{
    uint32_t h = 2166136261u ^ kind;

    for (; *text; text++)
        h = (h ^ (uint8_t)*text) * 16777619u;
    return h;
}

static struct image_string *slot_of(struct image_strings *s, enum string_kind kind,
                                    const char *text)
{
    uint32_t i = hash(kind, text) & (s->cap - 1);

    while (s->slots[i].text && (s->slots[i].kind != kind || strcmp(s->slots[i].text, text) != 0))
        i = (i + 1) & (s->cap - 1);
    return &s->slots[i];
}

static bool grow(struct image_strings *s)
{
    struct image_strings bigger = *s;

    bigger.cap = s->cap ? s->cap * 2 : FIRST_CAP;
    bigger.slots = calloc(bigger.cap, sizeof *bigger.slots);
    if (!bigger.slots)
        return false;
    for (uint32_t i = 0; i < s->cap; i++)
        if (s->slots[i].text)
            *slot_of(&bigger, s->slots[i].kind, s->slots[i].text) = s->slots[i];
    free(s->slots);
    *s = bigger;
    return true;
}

static struct image_string *look_up(struct image_strings *s, enum string_kind kind,
                                    const char *text)
{
    struct image_string *slot;

    if (s->count * 2 >= s->cap && !grow(s))
        return NULL;
    slot = slot_of(s, kind, text);
    if (!slot->text) {
        if (s->next[kind] + 1 >= STRINGS_MAX || !(slot->text = strdup(text)))
            return NULL;
        slot->kind = kind;
        slot->number = ++s->next[kind];
        s->count++;
    }
    return slot;
}

uint32_t image_strings_number(struct image_strings *s, enum string_kind kind, const char *text)
{
    struct image_string *slot;

    if (!text)
        return 0;
    if (s->last[kind].text && strcmp(s->last[kind].text, text) == 0)
        return s->last[kind].number;
    slot = look_up(s, kind, text);
    if (!slot) {
        s->bad = true;
        return 0;
    }
    s->last[kind].text = slot->text;
    s->last[kind].number = slot->number;
    return slot->number;
}
