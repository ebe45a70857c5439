/* native_main.c -- `native-task`: the process in which a native task's object runs; see native.h.
 *
 *   native-task ask OBJECT        what it has and wants
 *   native-task prepare FILE      its prepare, before the job is submitted
 *   native-task run FILE          one attempt
 *
 * FILE holds a NativeTaskProto.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "compute/native_task.h"

enum { FILE_MAX = 1 << 29 };

static int ask(const char *object)
{
    static struct native_task n;
    Pb__NativeTaskProto order = PB__NATIVE_TASK_PROTO__INIT;

    order.object = (char *)(uintptr_t)object;
    if (native_task_open(&n, &order, false) < 0) {
        printf("fail\t%s\n", n.err.text);
        return 1;
    }
    printf("flags\t%u\n", n.ops->flags);
    if (n.ops->reduce)
        puts("has\treduce");
    if (n.ops->prepare)
        puts("has\tprepare");
    return 0;
}

static int work(const char *mode, const Pb__NativeTaskProto *order)
{
    static struct native_task n;
    int rc = native_task_open(&n, order, true);

    if (rc == 0 && strcmp(mode, "prepare") == 0) {
        rc = n.ops->prepare ? n.ops->prepare(&n.task) : 0;
        rc = n.rc < 0 ? n.rc : rc;
    } else if (rc == 0) {
        rc = n.task.is_reduce ? native_reduce_main(&n) : native_map_main(&n);
    }
    if (rc < 0)
        printf("fail\t%d\t%s\n", -rc,
               *n.err.text ? n.err.text : "its code failed and did not say why");
    native_task_done(&n);
    return rc < 0;
}

int main(int argc, char **argv)
{
    Pb__NativeTaskProto *order;
    struct err err = {0};
    char *text;
    size_t size;
    int rc;

    log_init();
    signal(SIGPIPE, SIG_IGN);
    if (argc != 3) {
        fprintf(stderr, "usage: native-task ask OBJECT | prepare FILE | run FILE\n"
                        "Workers start this; see job(1), \"Native jobs\".\n");
        return 2;
    }
    if (strcmp(argv[1], "ask") == 0)
        return ask(argv[2]);
    if (env_read_file(env_posix(), argv[2], FILE_MAX, &text, &size, &err) < 0) {
        fprintf(stderr, "native-task: %s\n", err.text);
        return 2;
    }
    order = pb__native_task_proto__unpack(NULL, size, (uint8_t *)text);
    free(text);
    if (!order) {
        fprintf(stderr, "native-task: %s: no order\n", argv[2]);
        return 2;
    }
    rc = work(argv[1], order);
    pb__native_task_proto__free_unpacked(order, NULL);
    return rc;
}
