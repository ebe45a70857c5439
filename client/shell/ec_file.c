#include "client/shell/ec_file.h"

#include <expat.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/env.h"

enum {
    FILE_MAX = 1 << 20,
    SCHEMAS_MAX = 64,
    POLICIES_MAX = 64,
    OPTIONS_MAX = 8,
    TEXT_MAX = 256,
    DEPTH_MAX = 6,
};

struct schema {
    char *id, *codec;
    long k, m;
    Pb__ECSchemaOptionEntryProto *options[OPTIONS_MAX]; /* what it says besides */
    size_t option_count;
};

struct reading {
    struct arena *arena;
    char names[DEPTH_MAX][TEXT_MAX]; /* the elements that are open */
    int depth;
    char text[TEXT_MAX]; /* of the innermost */
    size_t text_n;
    long layout_version;
    bool has_version, has_schemas, has_policies;
    struct schema schemas[SCHEMAS_MAX];
    int schema_count;
    struct policy {
        char *schema;
        long cell_bytes;
    } policies[POLICIES_MAX];
    int policy_count;
    int rc;
    struct err *err;
};

static bool inside(const struct reading *r, int level, const char *name)
{
    return level < r->depth && strcasecmp(r->names[level], name) == 0;
}

static void wrong(struct reading *r, const char *what, const char *more)
{
    if (r->rc == 0)
        r->rc = err_set(r->err, ERR_ARGUMENT, "%s%s", what, more);
}

static char *copy(struct reading *r, const char *s)
{
    char *out = arena_strndup(r->arena, s, strlen(s));

    if (!out && r->rc == 0)
        r->rc = err_set(r->err, ERR_NOMEM, "a policy");
    return out;
}

static void on_start(void *ctx, const char *name, const char **attributes)
{
    struct reading *r = ctx;

    r->text_n = 0;
    if (r->depth == DEPTH_MAX) {
        wrong(r, "Bad element in EC policy configuration file: ", name);
        return;
    }
    snprintf(r->names[r->depth++], TEXT_MAX, "%s", name);
    if (r->depth == 1 && strcmp(name, "configuration") != 0)
        wrong(r, "Bad EC policy configuration file: top-level element not <configuration>", "");
    if (r->depth == 2) {
        r->has_schemas = r->has_schemas || strcasecmp(name, "schemas") == 0;
        r->has_policies = r->has_policies || strcasecmp(name, "policies") == 0;
    }
    if (r->depth != 3)
        return;
    if (inside(r, 1, "schemas") && strcasecmp(name, "schema") == 0 &&
        r->schema_count < SCHEMAS_MAX) {
        struct schema *s = &r->schemas[r->schema_count++];

        *s = (struct schema){.k = -1, .m = -1};
        for (int i = 0; attributes[i]; i += 2)
            if (strcmp(attributes[i], "id") == 0)
                s->id = copy(r, attributes[i + 1]);
    } else if (inside(r, 1, "policies") && strcasecmp(name, "policy") == 0 &&
               r->policy_count < POLICIES_MAX) {
        r->policies[r->policy_count++] = (struct policy){.cell_bytes = -1};
    } else if (inside(r, 1, "schemas") || inside(r, 1, "policies")) {
        wrong(r, "Bad element in EC policy configuration file: ", name);
    }
}

static void on_text(void *ctx, const char *s, int n)
{
    struct reading *r = ctx;

    for (int i = 0; i < n && r->text_n < TEXT_MAX - 1; i++)
        if (r->text_n > 0 || !strchr(" \t\r\n", s[i]))
            r->text[r->text_n++] = s[i];
}

static long number(struct reading *r, const char *what)
{
    char *end;
    long v = strtol(r->text, &end, 10);

    if (!*r->text || *end) {
        char more[2 * TEXT_MAX];

        snprintf(more, sizeof more, "%s is found. It should be an integer", r->text);
        wrong(r, what, more);
    }
    return v;
}

static void add_option(struct reading *r, struct schema *s, const char *name)
{
    Pb__ECSchemaOptionEntryProto *o = arena_alloc(r->arena, sizeof *o);

    if (!o || s->option_count == OPTIONS_MAX) {
        wrong(r, "Too many options of the schema: ", name);
        return;
    }
    pb__ecschema_option_entry_proto__init(o);
    o->key = copy(r, name);
    o->value = copy(r, r->text);
    s->options[s->option_count++] = o;
}

static void end_of_schema_part(struct reading *r, const char *name)
{
    struct schema *s = &r->schemas[r->schema_count - 1];

    if (strcasecmp(name, "codec") == 0)
        s->codec = copy(r, r->text);
    else if (strcasecmp(name, "k") == 0)
        s->k = number(r, "Bad EC schema value ");
    else if (strcasecmp(name, "m") == 0)
        s->m = number(r, "Bad EC schema value ");
    else
        add_option(r, s, name);
}

static void end_of_policy_part(struct reading *r, const char *name)
{
    struct policy *p = &r->policies[r->policy_count - 1];

    if (strcasecmp(name, "schema") == 0)
        p->schema = copy(r, r->text);
    else if (strcasecmp(name, "cellsize") == 0)
        p->cell_bytes = number(r, "Bad EC policy cellsize value ");
    else
        wrong(r, "Invalid tagName: ", name);
}

static void on_end(void *ctx, const char *name)
{
    struct reading *r = ctx;

    while (r->text_n > 0 && strchr(" \t\r\n", r->text[r->text_n - 1]))
        r->text_n--;
    r->text[r->text_n] = 0;
    if (r->depth == 4 && r->text_n == 0) {
        char more[2 * TEXT_MAX];

        snprintf(more, sizeof more, "%.200s> is null", name);
        wrong(r, "Value of <", more);
    }
    if (r->depth == 2 && strcasecmp(name, "layoutversion") == 0) {
        r->layout_version = number(r, "Bad layoutVersion value ");
        r->has_version = true;
    } else if (r->depth == 4 && inside(r, 2, "schema") && r->schema_count > 0) {
        end_of_schema_part(r, name);
    } else if (r->depth == 4 && inside(r, 2, "policy") && r->policy_count > 0) {
        end_of_policy_part(r, name);
    }
    r->text_n = 0;
    r->depth -= r->depth > 0;
}

static int parse(struct reading *r, const char *path, const char *bytes, size_t n)
{
    XML_Parser p = XML_ParserCreate(NULL);

    if (!p)
        return err_set(r->err, ERR_NOMEM, "%s", path);
    XML_SetUserData(p, r);
    XML_SetElementHandler(p, on_start, on_end);
    XML_SetCharacterDataHandler(p, on_text);
    if (XML_Parse(p, bytes, (int)n, 1) != XML_STATUS_OK && r->rc == 0)
        r->rc = err_set(r->err, ERR_ARGUMENT, "Failed to load EC policy file: %s", path);
    XML_ParserFree(p);
    if (r->rc == 0 && !r->has_version)
        wrong(r, "Bad EC policy configuration file: no <layoutVersion> element", "");
    if (r->rc == 0 && r->layout_version != 1)
        wrong(r, "The parse failed because of bad layoutversion value", "");
    if (r->rc == 0 && !r->has_schemas)
        wrong(r, "Bad EC policy configuration file: no <schemas> element", "");
    if (r->rc == 0 && !r->has_policies)
        wrong(r, "Bad EC policy configuration file: no <policies> element", "");
    return r->rc;
}

static Pb__ErasureCodingPolicyProto *make(struct reading *r, const struct policy *p)
{
    struct schema *s = NULL;
    Pb__ErasureCodingPolicyProto *out;

    for (int i = 0; i < r->schema_count; i++)
        if (r->schemas[i].id && p->schema && strcmp(r->schemas[i].id, p->schema) == 0)
            s = &r->schemas[i];
    if (!s || !s->codec || s->k < 0 || s->m < 0 || p->cell_bytes < 0) {
        wrong(r, "Bad policy is found in EC policy configuration file", "");
        return NULL;
    }
    if (p->cell_bytes % 1024) {
        wrong(r, "cellSize must be 1024 aligned", "");
        return NULL;
    }
    if (!(out = arena_alloc(r->arena, sizeof *out)) ||
        (pb__erasure_coding_policy_proto__init(out),
         !(out->schema = arena_alloc(r->arena, sizeof *out->schema)))) {
        r->rc = err_set(r->err, ERR_NOMEM, "a policy");
        return NULL;
    }
    pb__ecschema_proto__init(out->schema);
    out->schema->codecname = s->codec;
    out->schema->dataunits = (uint32_t)s->k;
    out->schema->parityunits = (uint32_t)s->m;
    out->schema->options = s->options;
    out->schema->n_options = s->option_count;
    out->has_cellsize = 1;
    out->cellsize = (uint32_t)p->cell_bytes;
    out->id = UINT32_MAX; /* none yet */
    out->name =
        arena_printf(r->arena, "%s-%ld-%ld-%ldk", s->codec, s->k, s->m, p->cell_bytes / 1024);
    for (char *c = out->name; c && *c && *c != '-'; c++)
        *c = (char)(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
    return out;
}

int ec_file_read(const char *path, struct arena *arena, Pb__ErasureCodingPolicyProto ***out,
                 size_t *count, struct err *err)
{
    struct reading *r = arena_zalloc(arena, sizeof *r);
    Pb__ErasureCodingPolicyProto **list = arena_alloc(arena, POLICIES_MAX * sizeof *list);
    char *bytes;
    size_t n;
    int rc;

    if (!r || !list)
        return err_set(err, ERR_NOMEM, "%s", path);
    r->arena = arena;
    r->err = err;
    if ((rc = env_read_file(env_posix(), path, FILE_MAX, &bytes, &n, err)) < 0)
        return rc;
    rc = parse(r, path, bytes, n);
    free(bytes);
    for (int i = 0; i < r->policy_count && rc == 0; i++) {
        list[i] = make(r, &r->policies[i]);
        rc = r->rc;
    }
    if (rc == 0) {
        *out = list;
        *count = (size_t)r->policy_count;
    }
    return rc;
}
