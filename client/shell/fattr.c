/* fattr.c -- dfs getfattr and dfs setfattr: extended attributes. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "client/shell/shell.h"

static enum { TEXT, HEX, BASE64, ENCODINGS } encoding;

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* ---- showing ---- */

static void print_base64(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i += 3) {
        unsigned v = (unsigned)p[i] << 16 | (i + 1 < n ? (unsigned)p[i + 1] << 8 : 0) |
                     (i + 2 < n ? p[i + 2] : 0);

        putchar(base64[v >> 18]);
        putchar(base64[v >> 12 & 63]);
        putchar(i + 1 < n ? base64[v >> 6 & 63] : '=');
        putchar(i + 2 < n ? base64[v & 63] : '=');
    }
}

/* @name as it was asked for, or as it is stored. */
static void print_attr(const char *name, const struct dfs_xattr *x)
{
    fputs(name, stdout);
    if (x->n > 0 && encoding == TEXT) {
        printf("=\"%.*s\"", (int)x->n, (const char *)x->value);
    } else if (x->n > 0 && encoding == HEX) {
        fputs("=0x", stdout);
        for (size_t i = 0; i < x->n; i++)
            printf("%02x", x->value[i]);
    } else if (x->n > 0) {
        fputs("=0s", stdout);
        print_base64(x->value, x->n);
    }
    putchar('\n');
}

/* ---- the order of Java's HashMap, in which Hadoop lists ---- */

enum { TABLE_MIN = 16 };

static uint32_t java_hash(const char *text)
{
    uint32_t h = 0;

    for (const char *p = text; *p; p++)
        h = h * 31 + (uint8_t)*p;
    return h ^ h >> 16;
}

static uint32_t table_mask; /* of a table that is at most three quarters full */

static int by_bucket(const void *a, const void *b)
{
    const struct dfs_xattr *x = *(const struct dfs_xattr *const *)a;
    const struct dfs_xattr *y = *(const struct dfs_xattr *const *)b;
    uint32_t i = java_hash(x->name) & table_mask, j = java_hash(y->name) & table_mask;

    return i != j ? (i < j ? -1 : 1) : x < y ? -1 : 1;
}

static void print_all(const struct dfs_xattr *list, size_t count)
{
    const struct dfs_xattr **order = calloc(count + 1, sizeof *order);

    MUST(order);
    for (table_mask = TABLE_MIN - 1; count > (size_t)(table_mask + 1) / 4 * 3;)
        table_mask = table_mask * 2 + 1;
    for (size_t i = 0; i < count; i++)
        order[i] = &list[i];
    qsort(order, count, sizeof *order, by_bucket);
    for (size_t i = 0; i < count; i++)
        print_attr(order[i]->name, order[i]);
    free(order);
}

/* ---- getfattr ---- */

static int print_attrs(struct shell *sh, struct item *it)
{
    const char *name = sh_has(sh, "d") ? NULL : sh_value(sh, "n");
    struct dfs_xattr *list;
    struct err err;
    size_t count;
    int rc;

    printf("# file: %s\n", it->shown);
    if (!it->store->dfs)
        return sh_broken(sh,
                         "java.lang.UnsupportedOperationException: RawLocalFileSystem doesn't "
                         "support getXAttr%s",
                         name ? "" : "s");
    rc = dfs_xattr_get(it->store->dfs, it->path, name, &list, &count, &err);
    if (rc < 0)
        return rc == -ERR_ARGUMENT ? sh_misused(sh, "%s", err.text) : sh_fail_err(sh, &err);
    if (!name)
        print_all(list, count);
    else if (count > 0)
        print_attr(name, &list[0]);
    dfs_xattrs_free(list, count);
    return 0;
}

static int print_tree(struct shell *sh, struct item *it)
{
    return walk_items(sh, it, sh_has(sh, "R"), print_attrs);
}

static int take_encoding(struct shell *sh)
{
    static const char *const names[] = {[TEXT] = "text", [HEX] = "hex", [BASE64] = "base64"};
    const char *word = sh_value(sh, "e");

    if (!word)
        return 0;
    for (encoding = TEXT; encoding < ENCODINGS; encoding++)
        if (strcasecmp(names[encoding], word) == 0)
            return 0;
    return sh_misused(sh, "Invalid/unsupported encoding option specified: %s", word);
}

static int check_paths(struct shell *sh, int count)
{
    if (count == 0)
        return sh_misused(sh, "<path> is missing.");
    return count > 1 ? sh_misused(sh, "Too many arguments.") : 0;
}

int cmd_getfattr(struct shell *sh, char **args, int count)
{
    int rc = take_encoding(sh);

    sh_pop(sh, "R", args, &count);
    if (rc == 0 && !sh_pop(sh, "d", args, &count) && !sh_value(sh, "n"))
        rc = sh_misused(sh, "Must specify '-n name' or '-d' option.");
    if (rc == 0)
        rc = check_paths(sh, count);
    return rc ? rc : each_item(sh, args, count, print_tree, NULL);
}

/* ---- setfattr ---- */

static struct {
    uint8_t *bytes;
    size_t n;
} value;

static int from_hex(struct shell *sh, const char *text)
{
    size_t n = strlen(text);

    if (n % 2)
        return sh_fail(sh, "org.apache.commons.codec.DecoderException: Odd number of characters.");
    for (size_t i = 0; i < n; i++)
        if (!isxdigit((unsigned char)text[i]))
            return sh_fail(
                sh,
                "org.apache.commons.codec.DecoderException: Illegal hexadecimal character "
                "%c at index %zu",
                text[i], i);
    for (size_t i = 0; i < n; i += 2)
        value.bytes[value.n++] = (uint8_t)strtoul((char[]){text[i], text[i + 1], 0}, NULL, 16);
    return 0;
}

/* As Hadoop's decoder: signs that are not of the alphabet are passed over, either alphabet will do. */
static void from_base64(const char *text)
{
    unsigned bits = 0, have = 0;

    for (const char *p = text; *p && *p != '='; p++) {
        const char *at = strchr(base64, *p == '-' ? '+' : *p == '_' ? '/' : *p);

        if (!at)
            continue;
        bits = bits << 6 | (unsigned)(at - base64);
        have += 6;
        if (have >= 8) {
            have -= 8;
            value.bytes[value.n++] = (uint8_t)(bits >> have);
        }
    }
}

static int take_value(struct shell *sh, const char *text)
{
    size_t n = strlen(text);
    bool quoted = n >= 2 && text[0] == '"' && text[n - 1] == '"';

    value.bytes = malloc(n + 1);
    MUST(value.bytes);
    if (!quoted && strncasecmp(text, "0x", 2) == 0)
        return from_hex(sh, text + 2);
    if (!quoted && strncasecmp(text, "0s", 2) == 0) {
        from_base64(text + 2);
        return 0;
    }
    value.n = quoted ? n - 2 : n;
    memcpy(value.bytes, text + quoted, value.n);
    return 0;
}

static int change_attr(struct shell *sh, struct item *it)
{
    const char *name = sh_value(sh, "n"), *drop = sh_value(sh, "x");
    struct err err;
    int rc;

    if (!it->store->dfs)
        return sh_broken(
            sh,
            "java.lang.UnsupportedOperationException: RawLocalFileSystem doesn't support %sXAttr",
            name ? "set" : "remove");
    rc = name ? dfs_xattr_set(it->store->dfs, it->path, name, value.bytes, value.n, &err)
              : dfs_xattr_remove(it->store->dfs, it->path, drop, &err);
    if (rc == -ERR_ARGUMENT)
        return sh_misused(sh, "%s", err.text);
    return rc < 0 ? sh_fail_err(sh, &err) : 0;
}

int cmd_setfattr(struct shell *sh, char **args, int count)
{
    const char *name = sh_value(sh, "n"), *drop = sh_value(sh, "x"), *text = sh_value(sh, "v");
    int rc = text ? take_value(sh, text) : 0;

    if (rc == 0 && name && drop)
        rc = sh_misused(sh, "Can not specify both '-n name' and '-x name' option.");
    if (rc == 0 && !name && !drop)
        rc = sh_misused(sh, "Must specify '-n name' or '-x name' option.");
    if (rc == 0)
        rc = check_paths(sh, count);
    if (rc == 0)
        rc = each_item(sh, args, count, change_attr, NULL);
    free(value.bytes);
    return rc;
}
