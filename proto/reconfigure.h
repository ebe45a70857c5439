/* reconfigure.h -- settings that a daemon takes over while it runs: ReconfigurationProtocol.
 *
 * A daemon names the keys that it can take over, and a function that has its parts read them again.  startReconfiguration
 * reads the configuration files anew; of the named keys, numbers that changed are put into the running configuration, and
 * the function is called, all before the call is answered.  A key with a function of its own may take its time: that
 * runs behind the answer.  The status tells of the last time.
 *
 * Thread:  any; one reconfiguration at a time.
 * Source:  hadoop.hdfs ReconfigurationProtocol; the words are those of hdfs dfsadmin -reconfig.
 */
#ifndef DFS_PROTO_RECONFIGURE_H
#define DFS_PROTO_RECONFIGURE_H

#include "common/arena.h"
#include "common/conf.h"
#include "common/env.h"
#include "reconfiguration.pb-c.h"

struct reconfigure;

struct reconfigure_options {
    const struct conf *running;
    const enum conf_option *options; /* whole numbers, times and truths; or what @slow takes over */
    int count;
    /* A text: goes from one value to another, @now (malloc'd) being what holds then, also when it fails.  NULL: there
     * are none. */
    int (*slow)(void *ctx, enum conf_option o, const char *after, char **now, struct err *err);
    enum conf_option slow_option;
    void (*again)(void *ctx); /* the parts read their settings again */
    void *ctx;
    struct env *env;
};
int reconfigure_new(const struct reconfigure_options *o, struct reconfigure **out, struct err *err);
void reconfigure_free(struct reconfigure *r); /* waits for what is still at it */

/* ERR_CONFIG when the files can't be read, ERR_IO when the last one is still at it; nothing has changed then.  A value that
 * makes no sense fails its key alone. */
int reconfigure_start(struct reconfigure *r, struct err *err);
/* What they say is in the arena. */
int reconfigure_status(struct reconfigure *r, struct arena *arena,
                       Pb__GetReconfigurationStatusResponseProto *out, struct err *err);
int reconfigure_list(struct reconfigure *r, struct arena *arena,
                     Pb__ListReconfigurablePropertiesResponseProto *out, struct err *err);

#endif
