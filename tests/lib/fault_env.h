/* fault_env.h -- a world in which the n-th outside call fails.
 *
 *   struct fault_env w;
 *   fault_env_init(&w, nth);      // nth 0: the first call fails; -1: none does
 *   ... use &w.env ...
 *   w.fired                       // whether it came to that
 *
 * Only calls that can fail count; clock and chance are real. With @torn set, a pwrite that fails
 * has written half of its bytes first. After the failure the world works again, unless @dead is
 * set: then everything fails from there on, as after a crash.
 */
#ifndef TESTS_LIB_FAULT_ENV_H
#define TESTS_LIB_FAULT_ENV_H

#include "common/env.h"

struct fault_env {
    struct env env;         /* first: the functions cast back */
    _Atomic int nth, calls; /* the module under test may have threads */
    _Atomic bool fired, torn, dead;
};

void fault_env_init(struct fault_env *w, int nth);

#endif
