#include "namenode/edits/storage_info.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/bytes.h"
#include "namenode/edits/edit_codec.h"

enum { VERSION_MAX = 64 << 10 };

/* ---- reading ---- */

/* Splits one line at its first '=' or ':' that no backslash precedes; both halves unescaped in
 * place.  False for a comment or an empty line. */
static bool split_line(char *line, char **key, char **value)
{
    char *to, *from;

    while (*line == ' ' || *line == '\t')
        line++;
    if (*line == 0 || *line == '#' || *line == '!')
        return false;
    *key = to = line;
    *value = NULL;
    for (from = line; *from; from++) {
        if (*from == '\\' && from[1]) {
            *to++ = *++from;
        } else if (!*value && (*from == '=' || *from == ':')) {
            *to++ = 0;
            *value = to;
        } else {
            *to++ = *from;
        }
    }
    *to = 0;
    while (*value && (**value == ' ' || **value == '\t'))
        ++*value;
    return *value != NULL;
}

static bool parse_number(const char *s, int64_t *out)
{
    char *end;

    *out = strtoll(s, &end, 10);
    return *s && *end == 0;
}

/* Fields found, so that a missing one can be told. */
enum {
    HAS_NAMESPACE = 1,
    HAS_CLUSTER = 2,
    HAS_CTIME = 4,
    HAS_TYPE = 8,
    HAS_POOL = 16,
    HAS_LAYOUT = 32,

};

static bool take_text(char *out, size_t max, const char *value)
{
    if (!*value || strlen(value) >= max)
        return false;
    memcpy(out, value, strlen(value) + 1);
    return true;
}

/* False when the value is no good; an unknown key is as good as none. */
static bool take_pair(struct name_identity *id, const char *key, const char *value, unsigned *has)
{
    int64_t v = 0;

    if (strcmp(key, "namespaceID") == 0) {
        *has |= HAS_NAMESPACE;
        if (!parse_number(value, &v) || v < INT32_MIN || v > INT32_MAX)
            return false;
        id->namespace_id = (uint32_t)v;
    } else if (strcmp(key, "clusterID") == 0) {
        *has |= HAS_CLUSTER;
        return take_text(id->cluster_id, sizeof id->cluster_id, value);
    } else if (strcmp(key, "blockpoolID") == 0) {
        *has |= HAS_POOL;
        return take_text(id->pool_id, sizeof id->pool_id, value);
    } else if (strcmp(key, "cTime") == 0) {
        *has |= HAS_CTIME;
        if (!parse_number(value, &v) || v < 0)
            return false;
        id->created_ms = (uint64_t)v;
    } else if (strcmp(key, "layoutVersion") == 0) {
        *has |= HAS_LAYOUT;
        if (!parse_number(value, &v) || v < INT32_MIN || v > INT32_MAX)
            return false;
        id->layout_version = (int32_t)v;
    } else if (strcmp(key, "storageType") == 0) {
        *has |= HAS_TYPE;
        return strcmp(value, "NAME_NODE") == 0;
    }
    return true;
}

static int parse(char *text, const char *path, struct name_identity *out, struct err *err)
{
    static const char *const names[] = {"namespaceID", "clusterID",   "cTime",
                                        "storageType", "blockpoolID", "layoutVersion"};
    struct name_identity id = {0};
    unsigned has = 0;
    char *rest = text, *line, *key, *value;

    while ((line = strsep(&rest, "\r\n")) != NULL)
        if (split_line(line, &key, &value) && !take_pair(&id, key, value, &has))
            return err_set(err, ERR_INCONSISTENT, "%s: %s=%s is not possible", path, key, value);
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (!(has & 1u << i))
            return err_set(err, ERR_INCONSISTENT, "%s: %s is missing", path, names[i]);
    if (id.layout_version < EDIT_LAYOUT || id.layout_version > EDIT_LAYOUT_OLDEST)
        return err_set(err, ERR_INCONSISTENT, "%s: layout version %d; %d to %d can be read", path,
                       id.layout_version, EDIT_LAYOUT_OLDEST, EDIT_LAYOUT);
    *out = id;
    return 0;
}

int storage_info_read(struct env *env, const char *path, struct name_identity *out, struct err *err)
{
    char *text;
    size_t n;
    int rc = env_read_file(env, path, VERSION_MAX, &text, &n, err);

    if (rc < 0)
        return rc;
    if (memchr(text, 0, n))
        rc = err_set(err, ERR_INCONSISTENT, "%s holds zero bytes", path);
    else
        rc = parse(text, path, out, err);
    free(text);
    return rc;
}

/* ---- writing ---- */

static void put_escaped(struct buf *out, const char *s)
{
    for (; *s; s++) {
        if (strchr("=:#!\\", *s))
            buf_put(out, "\\", 1);
        buf_put(out, s, 1);
    }
}

int storage_info_write(struct env *env, const char *path, const struct name_identity *id,
                       struct err *err)
{
    time_t now = (time_t)(env_now_ms(env) / 1000);
    struct buf b;
    struct tm tm;
    char date[64];
    int rc;

    buf_init(&b, VERSION_MAX);
    strftime(date, sizeof date, "#%a %b %d %H:%M:%S UTC %Y\n", gmtime_r(&now, &tm));
    buf_puts(&b, date);
    buf_printf(&b, "namespaceID=%" PRId32 "\n", (int32_t)id->namespace_id);
    buf_puts(&b, "blockpoolID=");
    put_escaped(&b, id->pool_id);
    buf_printf(&b, "\nstorageType=NAME_NODE\ncTime=%" PRIu64 "\nclusterID=", id->created_ms);
    put_escaped(&b, id->cluster_id);
    buf_printf(&b, "\nlayoutVersion=%d\n", id->layout_version);
    rc = b.bad ? err_set(err, ERR_NOMEM, "%s", path) : env_write_file(env, path, b.bytes, b.n, err);
    buf_done(&b);
    return rc;
}

/* ---- a new store ---- */

/* This machine's first address that is not loopback's; only there to make the pool id unique. */
static void own_address(char *out, socklen_t n)
{
    struct ifaddrs *list = NULL;

    snprintf(out, n, "127.0.0.1");
    if (getifaddrs(&list) < 0)
        return;
    for (struct ifaddrs *i = list; i; i = i->ifa_next) {
        if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET || (i->ifa_flags & IFF_LOOPBACK))
            continue;
        inet_ntop(AF_INET, &((struct sockaddr_in *)(void *)i->ifa_addr)->sin_addr, out, n);
        break;
    }
    freeifaddrs(list);
}

void storage_info_invent(struct env *env, const char *cluster_id, struct name_identity *out)
{
    char address[INET_ADDRSTRLEN];
    uint8_t r[16];

    *out = (struct name_identity){.created_ms = env_now_ms(env), .layout_version = EDIT_LAYOUT};
    do
        out->namespace_id = (uint32_t)(env_random_u64(env) & INT32_MAX);
    while (out->namespace_id == 0);
    env_random(env, r, sizeof r);
    if (cluster_id)
        snprintf(out->cluster_id, sizeof out->cluster_id, "%s", cluster_id);
    else /* a random UUID: version 4, variant 1 */
        snprintf(out->cluster_id, sizeof out->cluster_id,
                 "CID-%02x%02x%02x%02x-%02x%02x-4%01x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", r[0],
                 r[1], r[2], r[3], r[4], r[5], r[6] & 15, r[7], (r[8] & 0x3f) | 0x80, r[9], r[10],
                 r[11], r[12], r[13], r[14], r[15]);
    own_address(address, sizeof address);
    snprintf(out->pool_id, sizeof out->pool_id, "BP-%" PRIu64 "-%s-%" PRIu64,
             env_random_u64(env) & INT32_MAX, address, out->created_ms);
}
