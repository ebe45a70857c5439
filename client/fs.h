/* fs.h -- what the parts of libdfs share: one user's connection to one namenode.
 *
 * Everything that is asked of the namenode goes through fs_ask(), which knows when a question may
 * be asked again: a lost connection and a namenode that is just starting are waited out for a
 * bounded time.  A question keeps its call id over its tries, so the namenode's retry cache
 * answers a repeated change without doing it twice.
 *
 * Thread:  any that may wait.
 * Memory:  answers live in the arena that the caller brings.
 * Design:  docs/design/client.md
 */
#ifndef DFS_CLIENT_FS_H
#define DFS_CLIENT_FS_H

#include <pthread.h>

#include "client/dfs.h"
#include "client_namenode.pb-c.h"
#include "common/arena.h"
#include "proto/rpc_client.h"

enum {
    FS_ANSWER_MAX = 256 << 20, /* one answer of the namenode, unpacked */
    FS_PATIENCE_MS = 120000,   /* an open file waits so long for its namenode */
    FS_URI_MAX = 300,
    FS_CLIENT_NAME_MAX = 64,
};

struct dn_pool;
struct hedge;
struct keeper;

struct dfs {
    const struct conf *conf;
    struct rpc_client *namenode;
    struct dn_pool *datanodes;
    struct keeper *keeper;
    struct hedge *hedge; /* NULL: reads are not hedged */
    char uri[FS_URI_MAX], address[FS_URI_MAX], user[128], real_user[128]; /* "": nobody else */
    char client_name[FS_CLIENT_NAME_MAX]; /* the holder of this client's leases */
    int retry_window_ms;                  /* how long a lost namenode is waited for */
    bool waits_in_safe_mode;
    uint16_t umask;
    const char *bind_host; /* where connections go out from; NULL: anywhere */
    pthread_mutex_t lock;  /* local_ips */
    char (*local_ips)[46];
    int local_ip_count; /* -1: not asked yet */
};

/* Asks @method and unpacks the answer, a message of @type, into @arena. */
int fs_ask(struct dfs *fs, const char *method, const ProtobufCMessage *request,
           const ProtobufCMessageDescriptor *type, struct arena *arena, ProtobufCMessage **answer,
           struct err *err);

/* The same for who is in the middle of something: waits longer, and also while the namenode is in
 * safe mode, as it is for a while after a restart. */
int fs_ask_patiently(struct dfs *fs, const char *method, const ProtobufCMessage *request,
                     const ProtobufCMessageDescriptor *type, struct arena *arena,
                     ProtobufCMessage **answer, struct err *err);

/* FS_ASK(fs, "getFileInfo", &req, get_file_info, arena, &answer, err): the answer's type from
 * the name. */
#define FS_ASK(fs, method, request, name, arena, answer, err)                                      \
    fs_ask(fs, method, &(request)->base, &pb__##name##_response_proto__descriptor, arena,          \
           (ProtobufCMessage **)(answer), err)

#define FS_ASK_PATIENTLY(fs, method, request, name, arena, answer, err)                            \
    fs_ask_patiently(fs, method, &(request)->base, &pb__##name##_response_proto__descriptor,       \
                     arena, (ProtobufCMessage **)(answer), err)

/* An absolute, tidy path: relative ones get /user/NAME in front, "//", "." and ".." are resolved (but for one behind an inode's number), a
 * store's own scheme and authority are taken off.  @out belongs to @arena. */
int fs_path(struct dfs *fs, const char *path, struct arena *arena, char **out, struct err *err);

/* A question about one path: its arena, and the path as the namenode wants it.  _end gives @rc back, so
 * that it can be the last statement. */
struct path_question {
    struct arena arena;
    char *path;
};
int question_begin(struct path_question *q, struct dfs *fs, const char *path, struct err *err);
int question_end(struct path_question *q, int rc);

/* The namenode's web server, as "http://host:port"; the namenode's own host when the address names none. */
int fs_web_address(const struct dfs *fs, char *out, size_t n, struct err *err);

/* Whether @ip is one of this host's addresses. */
bool fs_ip_is_local(struct dfs *fs, const char *ip);

/* Fills @out from an answer; @parent NULL means that the answer's path is not needed and @path is
 * the whole name. */
struct dfs_stat;
int fs_stat_from(const Pb__HdfsFileStatusProto *from, const char *path, struct dfs_stat *out,
                 struct err *err);

#endif
