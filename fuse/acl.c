#include "fuse/acl.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "fuse/users.h"

enum { VERSION = 2, ENTRY = 8, HEAD = 4, ENTRIES_MAX = 64 };

/* The kernel's tags, in the order in which they have to come. */
enum tag {
    TAG_OWNER = 0x01,
    TAG_USER = 0x02,
    TAG_OWNING_GROUP = 0x04,
    TAG_GROUP = 0x08,
    TAG_MASK = 0x10,
    TAG_OTHER = 0x20,
};
static const uint32_t NO_ID = 0xffffffffu;

static void put(uint8_t **p, enum tag tag, unsigned perm, uint32_t id)
{
    uint16_t t = htole16((uint16_t)tag), rwx = htole16((uint16_t)perm);
    uint32_t i = htole32(id);

    memcpy(*p, &t, 2);
    memcpy(*p + 2, &rwx, 2);
    memcpy(*p + 4, &i, 4);
    *p += ENTRY;
}

static enum tag tag_of(const struct dfs_acl_entry *e)
{
    switch (e->type) {
    case DFS_ACL_USER: return e->name ? TAG_USER : TAG_OWNER;
    case DFS_ACL_GROUP: return e->name ? TAG_GROUP : TAG_OWNING_GROUP;
    case DFS_ACL_MASK: return TAG_MASK;
    default: return TAG_OTHER;
    }
}

static int by_tag_and_id(const void *a, const void *b)
{
    uint16_t ta, tb;
    uint32_t ia, ib;

    memcpy(&ta, a, 2);
    memcpy(&tb, b, 2);
    memcpy(&ia, (const uint8_t *)a + 4, 4);
    memcpy(&ib, (const uint8_t *)b + 4, 4);
    ta = le16toh(ta), tb = le16toh(tb), ia = le32toh(ia), ib = le32toh(ib);
    return ta != tb ? (ta > tb) - (ta < tb) : (ia > ib) - (ia < ib);
}

/* With an ACL the group bits of the mode are the mask; the group's own are an entry. */
static void put_mode(uint8_t **p, unsigned mode, bool has_mask)
{
    put(p, TAG_OWNER, mode >> 6 & 7, NO_ID);
    put(p, TAG_OTHER, mode & 7, NO_ID);
    if (has_mask)
        put(p, TAG_MASK, mode >> 3 & 7, NO_ID);
    else
        put(p, TAG_OWNING_GROUP, mode >> 3 & 7, NO_ID);
}

ssize_t acl_get(struct mount *m, struct dfs *fs, const char *path, bool is_default,
                uint8_t out[ACL_TEXT_MAX], struct err *err)
{
    uint32_t version = htole32(VERSION);
    struct dfs_acl_entry *list;
    struct dfs_stat st;
    uint8_t *p = out + HEAD;
    size_t count, n = 0;
    int rc = dfs_stat(fs, path, &st, err);

    if (rc < 0)
        return rc;
    rc = dfs_acl_get(fs, path, &list, &count, err);
    if (rc < 0) {
        dfs_stat_done(&st);
        return rc;
    }
    for (size_t i = 0; i < count && n + 4 < ENTRIES_MAX; i++) {
        enum tag tag = tag_of(&list[i]);
        uint32_t id = tag == TAG_USER    ? users_uid(m->users, list[i].name)
                      : tag == TAG_GROUP ? users_gid(m->users, list[i].name)
                                         : NO_ID;

        if (list[i].is_default != is_default)
            continue;
        n++;
        put(&p, tag, list[i].perm, id);
    }
    if (n > 0 && !is_default)
        put_mode(&p, st.mode, true);
    dfs_acl_free(list, count);
    dfs_stat_done(&st);
    if (n == 0)
        return 0;
    memcpy(out, &version, HEAD);
    qsort(out + HEAD, (size_t)(p - out - HEAD) / ENTRY, ENTRY, by_tag_and_id);
    return p - out;
}

static int entry_from(struct mount *m, const uint8_t *p, bool is_default, struct dfs_acl_entry *e,
                      char name[NAME_TEXT_MAX], struct err *err)
{
    uint16_t tag, perm;
    uint32_t id;

    memcpy(&tag, p, 2);
    memcpy(&perm, p + 2, 2);
    memcpy(&id, p + 4, 4);
    *e = (struct dfs_acl_entry){.is_default = is_default, .perm = (uint8_t)(le16toh(perm) & 7)};
    switch (le16toh(tag)) {
    case TAG_USER: users_name(m->users, le32toh(id), name); e->name = name; /* fallthrough */
    case TAG_OWNER: e->type = DFS_ACL_USER; return 0;
    case TAG_GROUP: users_group_name(m->users, le32toh(id), name); e->name = name; /* fallthrough */
    case TAG_OWNING_GROUP: e->type = DFS_ACL_GROUP; return 0;
    case TAG_MASK: e->type = DFS_ACL_MASK; return 0;
    case TAG_OTHER: e->type = DFS_ACL_OTHER; return 0;
    default: return err_set(err, ERR_ACL, "an entry of kind %u", le16toh(tag));
    }
}

/* What the other kind of ACL the path has stays: the store sets both at once. */
static int keep_others(struct dfs *fs, const char *path, bool is_default, struct dfs_acl_entry *all,
                       size_t *count, struct dfs_acl_entry **had, size_t *had_count,
                       struct err *err)
{
    struct dfs_stat st;
    int rc = dfs_acl_get(fs, path, had, had_count, err);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < *had_count && *count < ENTRIES_MAX; i++)
        if ((*had)[i].is_default != is_default)
            all[(*count)++] = (*had)[i];
    if (!is_default)
        return 0;
    rc = dfs_stat(fs, path, &st, err);
    if (rc < 0)
        return rc;
    if (*count > 0) /* an access ACL stays: its mask is in the mode */
        all[(*count)++] = (struct dfs_acl_entry){.type = DFS_ACL_MASK, .perm = st.mode >> 3 & 7};
    else
        all[(*count)++] = (struct dfs_acl_entry){.type = DFS_ACL_GROUP, .perm = st.mode >> 3 & 7};
    all[(*count)++] = (struct dfs_acl_entry){.type = DFS_ACL_USER, .perm = st.mode >> 6 & 7};
    all[(*count)++] = (struct dfs_acl_entry){.type = DFS_ACL_OTHER, .perm = st.mode & 7};
    dfs_stat_done(&st);
    return 0;
}

static int take_away(struct dfs *fs, const char *path, bool is_default, struct err *err)
{
    struct dfs_acl_entry *list, *named;
    size_t count, n = 0;
    int rc;

    if (is_default)
        return dfs_acl_change(fs, path, DFS_ACL_NO_DEFAULT, NULL, 0, err);
    rc = dfs_acl_get(fs, path, &list, &count, err);
    if (rc < 0)
        return rc;
    named = calloc(count + 2, sizeof *named);
    for (size_t i = 0; i < count && named; i++)
        if (!list[i].is_default && list[i].name)
            named[n++] = list[i];
    if (n > 0)
        named[n++] = (struct dfs_acl_entry){.type = DFS_ACL_MASK};
    rc = !named  ? err_set(err, ERR_NOMEM, "ACL")
         : n > 0 ? dfs_acl_change(fs, path, DFS_ACL_TAKE, named, n, err)
                 : 0;
    free(named);
    dfs_acl_free(list, count);
    return rc;
}

int acl_set(struct mount *m, struct dfs *fs, const char *path, bool is_default,
            const uint8_t *bytes, size_t n, struct err *err)
{
    struct dfs_acl_entry all[2 * ENTRIES_MAX + 4], *had = NULL;
    static const struct dfs_acl_entry none;
    size_t count = 0, had_count = 0, given = n >= HEAD ? (n - HEAD) / ENTRY : 0;
    char(*names)[NAME_TEXT_MAX];
    int rc = 0;

    if (n == 0 || given == 0)
        return take_away(fs, path, is_default, err);
    if ((n - HEAD) % ENTRY != 0 || given > ENTRIES_MAX)
        return err_set(err, ERR_ACL, "an ACL of %zu bytes", n);
    all[0] = none;
    names = calloc(given, sizeof *names);
    if (!names)
        return err_set(err, ERR_NOMEM, "ACL");
    rc = keep_others(fs, path, is_default, all, &count, &had, &had_count, err);
    for (size_t i = 0; i < given && rc == 0; i++, count++)
        rc = entry_from(m, bytes + HEAD + i * ENTRY, is_default, &all[count], names[i], err);
    if (rc == 0)
        rc = dfs_acl_change(fs, path, DFS_ACL_SET, all, count, err);
    dfs_acl_free(had, had_count);
    free(names);
    return rc;
}
