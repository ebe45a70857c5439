#include "client/shell/mode.h"

#include <string.h>

static bool octal(const char *text, uint16_t *out)
{
    unsigned v = 0;
    size_t n;

    text += strspn(text, " ");
    text += *text == '+';
    n = strspn(text, "01234567");
    if (n < 3 || n > 4 || text[n + strspn(text + n, " ")] || (n == 4 && text[0] > '1'))
        return false;
    for (size_t i = 0; i < n; i++)
        v = v * 8 + (unsigned)(text[i] - '0');
    *out = (uint16_t)v;
    return true;
}

/* One clause: [ugoa]*[+-=][rwxXt]+; returns what follows it, or NULL. */
static const char *clause(const char *p, bool is_dir, uint16_t *mode)
{
    unsigned who = 0, bits = 0;
    bool any_x = is_dir || (*mode & 0111), sticky = false;
    char sign;

    for (; *p && strchr("ugoa", *p); p++)
        who |= *p == 'u' ? 0700 : *p == 'g' ? 070 : *p == 'o' ? 07 : 0777;
    if (who == 0)
        who = 0777;
    sign = *p;
    if (!sign || !strchr("+-=", sign))
        return NULL;
    p++;
    if (!*p || !strchr("rwxXt", *p))
        return NULL;
    for (; *p && strchr("rwxXt", *p); p++) {
        bits |= *p == 'r' ? 0444 : *p == 'w' ? 0222 : *p == 'x' ? 0111 : 0;
        bits |= *p == 'X' && any_x ? 0111 : 0;
        sticky = sticky || *p == 't';
    }
    bits = (bits & who) | (sticky ? 01000 : 0);
    if (sign == '+')
        *mode |= (uint16_t)bits;
    else if (sign == '-')
        *mode &= (uint16_t)~bits;
    else
        *mode = (uint16_t)((*mode & ~who) | bits);
    return p;
}

bool mode_apply(const char *text, uint16_t old, bool is_dir, uint16_t *out)
{
    uint16_t mode = old;
    const char *p = text + strspn(text, " ");

    if (octal(text, out))
        return true;
    if (!*p)
        return false;
    while (*p) {
        p = clause(p, is_dir, &mode);
        if (!p || (*p && !strchr(", ", *p)))
            return false;
        p += strspn(p, ", ");
    }
    *out = mode;
    return true;
}
