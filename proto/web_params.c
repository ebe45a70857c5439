#include "proto/web_params.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum kind {
    TEXT,
    PATH,
    LONG,
    INT,
    SHORT,
    MODE,
    BOOL,
    USER,
    ACL,
    ACTION,
    RENAMES,
    CREATES,
    XSETS,
    CODEC
};
enum { G = WEB_GET, P = WEB_PUT, O = WEB_POST, D = WEB_DELETE };

static const struct row {
    const char *name;
    enum kind kind;
    unsigned verbs;
    int64_t fallback, min, max;
} rows[WEB_PARAM_COUNT] = {
#define PARAM(id, name, kind, verbs, def, min, max) {name, kind, verbs, def, min, max},
#include "proto/web_params.def"
#undef PARAM
};

/* Java enumerations, the words in the order of their bits. */
static const struct vocabulary {
    const char *java, *words[10];
} vocabularies[] = {
    [RENAMES] = {"org.apache.hadoop.fs.Options.Rename", {"NONE", "OVERWRITE", "TO_TRASH"}},
    [CREATES] = {"org.apache.hadoop.fs.CreateFlag",
                 {"CREATE", "OVERWRITE", "APPEND", "SYNC_BLOCK", "LAZY_PERSIST", "NEW_BLOCK",
                  "NO_LOCAL_WRITE", "SHOULD_REPLICATE", "IGNORE_CLIENT_LOCALITY", "NO_LOCAL_RACK"}},
    [XSETS] = {"org.apache.hadoop.fs.XAttrSetFlag", {"CREATE", "REPLACE"}},
    [CODEC] = {"org.apache.hadoop.fs.XAttrCodec", {"TEXT", "HEX", "BASE64"}},
};

const char *web_param_name(enum web_param id)
{
    return rows[id].name;
}

/* ---- escapes ---- */

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* How many bytes from @s on are one UTF-8 character; 0: none is. */
static size_t utf8_length(const unsigned char *s, size_t n)
{
    size_t k = *s < 0x80                 ? 1
               : *s >= 0xc2 && *s < 0xe0 ? 2
               : *s >= 0xe0 && *s < 0xf0 ? 3
               : *s >= 0xf0 && *s < 0xf5 ? 4
                                         : 0;

    if (k == 0 || k > n)
        return 0;
    for (size_t i = 1; i < k; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    if ((*s == 0xe0 && s[1] < 0xa0) || (*s == 0xed && s[1] > 0x9f) || (*s == 0xf0 && s[1] < 0x90) ||
        (*s == 0xf4 && s[1] > 0x8f))
        return 0;
    return k;
}

char *web_mend(struct arena *arena, const void *bytes, size_t n, size_t *out_n)
{
    const unsigned char *s = bytes;
    char *out = arena_alloc(arena, 3 * n + 1), *at = out;

    for (size_t i = 0, k; out && i < n; i += k ? k : 1) {
        k = utf8_length(s + i, n - i);
        memcpy(at, k ? (const char *)s + i : "\xef\xbf\xbd", k ? k : 3);
        at += k ? k : 3;
    }
    if (!out)
        return NULL;
    *at = 0;
    *out_n = (size_t)(at - out);
    return out;
}

static bool is_utf8(const unsigned char *s, size_t n)
{
    for (size_t i = 0, k; i < n; i += k)
        if ((k = utf8_length(s + i, n - i)) == 0)
            return false;
    return true;
}

char *web_decode(struct arena *arena, const char *s, size_t n, bool plus, bool strict,
                 struct err *err)
{
    unsigned char *out = arena_alloc(arena, n + 1);
    size_t k = 0;

    for (size_t i = 0; out && i < n; i++, k++) {
        out[k] = plus && s[i] == '+' ? ' ' : (unsigned char)s[i];
        if (s[i] != '%')
            continue;
        if (i + 2 >= n || hex(s[i + 1]) < 0 || hex(s[i + 2]) < 0) {
            err_set(err, ERR_ARGUMENT, "%.*s: not an escape", (int)(n - i < 3 ? n - i : 3), s + i);
            return NULL;
        }
        out[k] = (unsigned char)(hex(s[i + 1]) << 4 | hex(s[i + 2]));
        i += 2;
    }
    if (!out || memchr(out, 0, k) || (strict && !is_utf8(out, k))) {
        err_set(err, out ? ERR_ARGUMENT : ERR_NOMEM, "not a text: \"%.*s\"", (int)n, s);
        return NULL;
    }
    out[k] = 0;
    return is_utf8(out, k) ? (char *)out : web_mend(arena, out, k, &k);
}

static void put_escaped(struct buf *out, unsigned char c)
{
    buf_printf(out, "%%%02X", c);
}

void web_put_path(struct buf *out, const char *s)
{
    for (; *s; s++)
        if (isalnum((unsigned char)*s) || strchr("_-!.~'()*,;:$&+=@/", *s))
            buf_put(out, s, 1);
        else
            put_escaped(out, (unsigned char)*s);
}

void web_put_form(struct buf *out, const char *s)
{
    for (; *s; s++)
        if (isalnum((unsigned char)*s) || strchr(".-*_", *s))
            buf_put(out, s, 1);
        else if (*s == ' ')
            buf_puts(out, "+");
        else
            put_escaped(out, (unsigned char)*s);
}

/* ---- the query ---- */

static int keep(struct web_params *p, const char *name, const char *value, bool fold)
{
    if (strcmp(name, "user.name") == 0 && !p->user)
        p->user = value;
    if (strcmp(name, "doas") == 0 && !p->doas)
        p->doas = value;
    for (int i = 0; i < WEB_PARAM_COUNT; i++) {
        if ((fold ? strcasecmp : strcmp)(name, rows[i].name) != 0)
            continue;
        if (!p->text[i])
            p->text[i] = value;
        if (i == WEB_xattr_name && p->name_count < WEB_NAMES_MAX)
            p->names[p->name_count++] = value;
        return 0;
    }
    return 0;
}

int web_params_read(const char *query, bool fold, const struct conf *conf, struct arena *arena,
                    struct web_params *out, struct err *err)
{
    *out = (struct web_params){.arena = arena, .conf = conf};
    for (int i = 0; i < WEB_PARAM_COUNT; i++)
        out->number[i] = rows[i].fallback;
    while (*query) {
        size_t n = strcspn(query, "&"), eq = strcspn(query, "=&");
        size_t value_at = eq < n ? eq + 1 : n;
        char *name = web_decode(arena, query, eq, true, true, err);
        char *value =
            name ? web_decode(arena, query + value_at, n - value_at, true, true, err) : NULL;

        if (!value)
            return err && err->code == ERR_NOMEM ? -ERR_NOMEM : -ERR_ARGUMENT;
        keep(out, name, value, fold);
        query += n + (query[n] == '&');
    }
    return 0;
}

/* ---- kinds ---- */

/* As Long.parseLong: a sign, digits, nothing else. */
static bool parse_number(const char *s, int radix, int64_t min, int64_t max, int64_t *out)
{
    const char *digits = s + (*s == '-' || *s == '+');
    char *end;

    errno = 0;
    *out = strtoll(s, &end, radix);
    if (!isdigit((unsigned char)*digits) || *end || errno)
        return false;
    return *out >= min && *out <= max;
}

/* A mode is shown as it was given, in octal. */
static const char *shown(struct web_params *p, enum web_param id, int64_t v)
{
    if (rows[id].kind == MODE && v >= 0)
        return arena_printf(p->arena, "%" PRIo64, (uint64_t)v);
    return arena_printf(p->arena, "%" PRId64, v);
}

static int check_range(struct web_params *p, enum web_param id, struct err *err)
{
    const struct row *row = &rows[id];
    int64_t v = p->number[id];

    if (v >= row->min && v <= row->max) {
        p->has[id] = true;
        return 0;
    }
    return err_set(err, ERR_ARGUMENT, "Invalid parameter range: %s = %s %c %s", row->name,
                   shown(p, id, v), v < row->min ? '<' : '>',
                   shown(p, id, v < row->min ? row->min : row->max));
}

static int check_number(struct web_params *p, enum web_param id, struct err *err)
{
    static const struct {
        const char *what;
        int radix;
        int64_t min, max;
    } kinds[] = {[LONG] = {"long integer", 10, INT64_MIN, INT64_MAX},
                 [INT] = {"integer", 10, INT32_MIN, INT32_MAX},
                 [SHORT] = {"short integer", 10, INT16_MIN, INT16_MAX},
                 [MODE] = {"short integer", 8, INT16_MIN, INT16_MAX}};
    enum kind k = rows[id].kind;
    const char *s = p->text[id];

    if (!*s || strcmp(s, "null") == 0)
        return 0;
    if (!parse_number(s, kinds[k].radix, kinds[k].min, kinds[k].max, &p->number[id]))
        return err_set(err, ERR_ARGUMENT, "Failed to parse \"%s\" as a radix-%d %s.", s,
                       kinds[k].radix, kinds[k].what);
    return check_range(p, id, err);
}

static int check_bool(struct web_params *p, enum web_param id, struct err *err)
{
    const char *s = p->text[id];

    if (!*s)
        return 0;
    p->number[id] = strcasecmp(s, "true") == 0;
    p->has[id] = true;
    if (p->number[id] || strcasecmp(s, "false") == 0)
        return 0;
    return err_set(err, ERR_ARGUMENT, "Failed to parse \"%s\" to Boolean.", s);
}

static int check_words(struct web_params *p, enum web_param id, struct err *err)
{
    const struct vocabulary *v = &vocabularies[rows[id].kind];
    const char *s = p->text[id];

    p->number[id] = 0;
    while (*s || (s > p->text[id] && s[-1] == ',')) {
        size_t n = rows[id].kind == CODEC ? strlen(s) : strcspn(s, ",");
        char *word = arena_strndup(p->arena, s, n);
        int bit = 0;

        if (!word)
            return err_set(err, ERR_NOMEM, "%s", rows[id].name);
        while (isspace((unsigned char)*word))
            word++;
        for (char *c = word + strlen(word); c > word && isspace((unsigned char)c[-1]);)
            *--c = 0;
        while (bit < 10 && v->words[bit] && strcasecmp(word, v->words[bit]) != 0)
            bit++;
        if (bit == 10 || !v->words[bit]) {
            for (char *c = word; *c; c++)
                *c = (char)toupper((unsigned char)*c);
            return err_set(err, ERR_ARGUMENT, "No enum constant %s.%s", v->java, word);
        }
        p->number[id] |= 1 << bit;
        p->has[id] = true;
        s += n + (s[n] == ',');
        if (s[-1] != ',')
            break;
    }
    return 0;
}

/* Java unites character classes by nesting them; POSIX has one class for that of the default. */
static char *posix_pattern(struct arena *arena, const char *pattern)
{
    static const char nested[] = "[[A-Za-z_][A-Za-z0-9._-]]", plain[] = "[A-Za-z0-9._-]";
    char *out = arena_strndup(arena, pattern, strlen(pattern)), *at;

    while (out && (at = strstr(out, nested)))
        memmove(at + sizeof plain - 1, at + sizeof nested - 1, strlen(at + sizeof nested - 1) + 1),
            memcpy(at, plain, sizeof plain - 1);
    return out;
}

static int check_pattern(struct web_params *p, enum web_param id, const char *pattern,
                         struct err *err)
{
    char *posix = posix_pattern(p->arena, pattern);
    regex_t re;
    bool ok;

    if (!*p->text[id])
        return 0;
    if (!posix || regcomp(&re, posix, REG_EXTENDED | REG_NOSUB) != 0)
        return err_set(err, ERR_CONFIG, "%s: not a pattern", pattern);
    ok = regexec(&re, p->text[id], 0, NULL, 0) == 0;
    regfree(&re);
    if (ok)
        return 0;
    return err_set(err, ERR_ARGUMENT, "Invalid value: \"%s\" does not belong to the domain %s",
                   p->text[id], pattern);
}

/* "//a//b/" is /a/b, as for org.apache.hadoop.fs.Path. */
static int check_path(struct web_params *p, enum web_param id, struct err *err)
{
    const char *s = p->text[id];
    char *out, *at;

    if (!*s)
        return 0;
    if (*s != '/')
        return err_set(err, ERR_ARGUMENT,
                       "Invalid parameter value: %s = \"%s\" is not an absolute path.",
                       rows[id].name, s);
    if (!(out = at = arena_alloc(p->arena, strlen(s) + 1)))
        return err_set(err, ERR_NOMEM, "%s", rows[id].name);
    for (; *s; s++)
        if (*s != '/' || at == out || at[-1] != '/')
            *at++ = *s;
    while (at > out + 1 && at[-1] == '/')
        at--;
    *at = 0;
    p->text[id] = out;
    return 0;
}

int web_param_check(struct web_params *p, enum web_param id, struct err *err)
{
    if (!p->text[id])
        return 0;
    switch (rows[id].kind) {
    case LONG:
    case INT:
    case SHORT:
    case MODE: return check_number(p, id, err);
    case BOOL: return check_bool(p, id, err);
    case USER: return check_pattern(p, id, conf_text(p->conf, OPT_web_user_pattern), err);
    case ACL: return check_pattern(p, id, conf_text(p->conf, OPT_web_acl_pattern), err);
    case ACTION:
        return *p->text[id] && (strlen(p->text[id]) != 3 || !strchr("r-", p->text[id][0]) ||
                                !strchr("w-", p->text[id][1]) || !strchr("x-", p->text[id][2]))
                   ? err_set(err, ERR_ARGUMENT,
                             "Invalid value: \"%s\" does not belong to the domain "
                             "[r-][w-][x-]",
                             p->text[id])
                   : 0;
    case RENAMES:
    case CREATES:
    case XSETS:
    case CODEC: return check_words(p, id, err);
    case PATH: return check_path(p, id, err);
    case TEXT: break;
    }
    return 0;
}

int web_param_wrap(enum web_param id, int rc, struct err *err)
{
    struct err why;

    if (rc >= 0 || !err)
        return rc;
    why = *err;
    return err_set(err, why.code, "Invalid value for webhdfs parameter \"%s\": %.*s", rows[id].name,
                   ERR_TEXT_MAX - 100, why.text);
}

int web_params_check(struct web_params *p, enum web_verb verb, struct err *err)
{
    for (int i = WEB_op + 1; i < WEB_PARAM_COUNT; i++)
        if (rows[i].verbs & verb) {
            int rc = web_param_check(p, (enum web_param)i, err);

            if (rc < 0)
                return web_param_wrap((enum web_param)i, rc, err);
        }
    return 0;
}
