/* calls.h -- the namenode and the reference of one run, and a random call to both. */
#ifndef TESTS_MODEL_CALLS_H
#define TESTS_MODEL_CALLS_H

#include "tests/model/reference.h"
#include "tests/unit/namenode/op_world.h"

enum { MODEL_CLIENTS = 3 };

extern struct op_world o;
extern struct ref ref;
extern bool snapshots; /* this run is about snapshots; else about quotas */
extern char last_call[300];
extern const char *const clients[MODEL_CLIENTS];
extern const char *const users[REF_NAMED]; /* that ACLs name */

/* Of all processes together. */
extern struct model_total {
    _Atomic uint64_t calls, refused, runs;
} * total;

unsigned chance(unsigned n);

/* Says which seed replays it, and ends the process. */
void fail(const char *what) __attribute__((noreturn));
#define HOLDS(x)                                                                                   \
    do {                                                                                           \
        if (!(x))                                                                                  \
            fail(#x);                                                                              \
    } while (0)
#define SHOW(...) snprintf(last_call, sizeof last_call, __VA_ARGS__)

void random_call(void);
void renew_leases(void);
int by_name(const void *a, const void *b); /* of struct ref_node * */

#endif
