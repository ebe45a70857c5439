/* edit_check.c -- whether a record can be written, and read again by Hadoop; see edit_codec.h. */
#include <string.h>

#include "namenode/edits/edit_codec.h"

/* Java reads the log, and images of what the log said: text must be what Java takes for UTF-8. */
static bool is_utf8(const char *s)
{
    const uint8_t *p = (const uint8_t *)s;

    while (*p) {
        unsigned more = *p < 0x80 ? 0 : *p < 0xe0 ? 1 : *p < 0xf0 ? 2 : 3;
        uint32_t c = more == 0 ? *p : *p & (0x3fu >> more);

        if ((*p >= 0x80 && *p < 0xc2) || *p > 0xf4)
            return false;
        p++;
        for (unsigned i = 0; i < more; i++, p++) {
            if ((*p & 0xc0) != 0x80)
                return false;
            c = c << 6 | (*p & 0x3f);
        }
        if ((more == 2 && (c < 0x800 || (c >= 0xd800 && c < 0xe000))) ||
            (more == 3 && (c < 0x10000 || c > 0x10ffff)))
            return false;
    }
    return true;
}

/* Characters beyond the 16-bit plane grow by half. */
static int check_string(const char *s, struct err *err)
{
    size_t n = s ? strlen(s) : 0;

    if (n > EDIT_STRING_MAX * 2 / 3)
        return err_set(err, ERR_LIMIT, "a string of %zu bytes, at most %d can be recorded", n,
                       EDIT_STRING_MAX * 2 / 3);
    if (s && !is_utf8(s))
        return err_set(err, ERR_INVALID_PATH, "a name that is not UTF-8");
    return 0;
}

int edit_check(const struct edit_op *op, struct err *err)
{
    const char *const strings[] = {op->path,
                                   op->path2,
                                   op->user,
                                   op->group,
                                   op->client_name,
                                   op->client_machine,
                                   op->new_holder,
                                   op->snapshot,
                                   op->snapshot2,
                                   op->ec_name,
                                   op->ec ? op->ec->codec : NULL};
    size_t total = 0;
    int rc = 0;

    for (unsigned i = 0; rc == 0 && i < sizeof strings / sizeof *strings; i++)
        rc = check_string(strings[i], err);
    for (int i = 0; rc == 0 && i < op->source_count; i++) {
        rc = check_string(op->sources[i], err);
        total += strlen(op->sources[i]) * 3 / 2 + 2;
    }
    for (int i = 0; rc == 0 && i < op->acl_count; i++) {
        rc = check_string(op->acl[i].name, err);
        total += (op->acl[i].name ? strlen(op->acl[i].name) : 0) + 32;
    }
    for (int i = 0; rc == 0 && i < op->xattr_count; i++) {
        rc = check_string(op->xattrs[i].name, err);
        total += strlen(op->xattrs[i].name) + op->xattrs[i].value_n + 32;
    }
    for (int i = 0; rc == 0 && op->ec && i < op->ec->option_count; i++) {
        rc = check_string(op->ec->options[i].key, err);
        rc = rc < 0 ? rc : check_string(op->ec->options[i].value, err);
        total += strlen(op->ec->options[i].key) + strlen(op->ec->options[i].value) + 4;
    }
    if (rc < 0)
        return rc;
    total += (size_t)op->block_count * 27;
    if (total > EDIT_BYTES_MAX / 2)
        return err_set(err, ERR_LIMIT, "%s of %zu bytes", edit_name(op->code), total);
    return 0;
}
