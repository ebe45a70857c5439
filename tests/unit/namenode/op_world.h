/* op_world.h -- a whole namenode in one thread: block_world.h's namespace, datanodes and clock,
 * with a journal in a directory of its own, users, and calls as clients make them.
 */
#ifndef TESTS_UNIT_NAMENODE_OP_WORLD_H
#define TESTS_UNIT_NAMENODE_OP_WORLD_H

#include "block_world.h"
#include "namenode/calls/client_protocol.h"

struct op_world {
    struct world w; /* first */
    struct namenode nn;
    char dir[300];
    const char *user;        /* whose calls follow */
    bool capture_open_files; /* for op_world_open() and op_world_restart() */
    struct err err;          /* of the last call */
    struct arena answers;
    int later_rc; /* of a call that was answered later; 1 until then */
    void *later_reply;
};

void op_world_open(struct op_world *o);
/* The same with settings of its own: @configure adds them by world_set(). */
void op_world_open_as(struct op_world *o, void (*configure)(struct world *w));
void op_world_close(struct op_world *o);

/* Ends the journal, loads the directory into a new namespace and goes on with that: what is not in
 * the log is gone. */
void op_world_restart(struct op_world *o);

/* Calls a method; the answer, or NULL with o->err filled.  A call that waits leaves o->later_rc 1
 * and answers NULL too. */
void *op_world_call(struct op_world *o, const char *method, const void *request);

/* The calls that tests make all the time. */
bool says_mkdirs(struct op_world *o, const char *path, unsigned mode);
bool says_create(struct op_world *o, const char *path, const char *client, unsigned flags);
Pb__LocatedBlockProto *says_add_block(struct op_world *o, const char *path, const char *client,
                                      const Pb__ExtendedBlockProto *previous);
bool says_complete(struct op_world *o, const char *path, const char *client,
                   const Pb__ExtendedBlockProto *last);
bool says_rename(struct op_world *o, const char *from, const char *to);
bool says_delete(struct op_world *o, const char *path, bool recursive);
Pb__HdfsFileStatusProto *says_info(struct op_world *o, const char *path);

/* Every name under "/" with what it is, one on a line. */
char *op_world_tree(struct op_world *o);

#endif
