/* hosts.h -- which datanodes may join, and which are to be emptied or left alone for a while.
 *
 * By default two files, dfs.hosts and dfs.hosts.exclude: names or addresses, each with an optional
 * :port, separated by blanks; # begins a comment.  An empty or missing list of who may join lets
 * all in.  When dfs.namenode.hosts.provider.classname is CombinedHostFileManager, dfs.hosts is JSON
 * with a line for each datanode (docs/design/blocks.md, "Who may join"); when none of them is in
 * service, all may join.
 *
 * Thread:  any; hosts_load() may wait (it resolves names), asking does not.
 */
#ifndef DFS_NAMENODE_HOSTS_H
#define DFS_NAMENODE_HOSTS_H

#include <stdbool.h>

#include "common/conf.h"
#include "common/env.h"

struct hosts; /* as the files were when they were read */

struct host_entry {
    char name[256]; /* as in the file */
    char ip[64];    /* empty when the name does not resolve */
    uint16_t port;  /* 0: any */
    uint64_t away_until_ms;
    char *upgrade_domain;
};

int hosts_load(struct env *env, const struct conf *conf, struct hosts **out, struct err *err);
void hosts_free(struct hosts *h);

bool hosts_may_join(const struct hosts *h, const char *ip, const char *host, uint16_t port);
bool hosts_excluded(const struct hosts *h, const char *ip, const char *host, uint16_t port);
/* The end of its maintenance on the wall clock; 0: it is to be in none. */
uint64_t hosts_away_until(const struct hosts *h, const char *ip, const char *host, uint16_t port);
/* NULL: it has none.  Lives as long as @h. */
const char *hosts_upgrade_domain(const struct hosts *h, const char *ip, const char *host,
                                 uint16_t port);
/* Who is listed as allowed to join; NULL after the last. */
const struct host_entry *hosts_included_at(const struct hosts *h, int index);

#endif
