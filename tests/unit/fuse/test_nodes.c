/* Numbers and paths of nodes, and what the store's errors are to a program. */
#include <errno.h>
#include <string.h>

#include "fuse/errnos.h"
#include "fuse/nodes.h"
#include "tests/lib/suite.h"

static void test_a_live_node_is_the_stores_own_number(void)
{
    char path[PATH_TEXT_MAX];
    struct nodes *n;

    CU_ASSERT_FATAL(nodes_new("/top", 17000, &n, NULL) == 0);
    CU_ASSERT(node_path(n, 16400, path) && strcmp(path, "/.reserved/.inodes/16400") == 0);
    CU_ASSERT(node_path(n, FUSE_ROOT_ID, path) && strcmp(path, "/.reserved/.inodes/17000") == 0);
    CU_ASSERT(node_child(n, 16400, "x", path) && strcmp(path, "/.reserved/.inodes/16400/x") == 0);
    CU_ASSERT(node_number(n, 16400, "x", path, 16401) == 16401);
    CU_ASSERT(node_number(n, 16400, "x", path, 17000) == FUSE_ROOT_ID);
    nodes_free(n);
}

static void test_a_node_of_a_snapshot_is_known_until_it_is_forgotten(void)
{
    char path[PATH_TEXT_MAX];
    struct nodes *n;
    fuse_ino_t a, b;

    CU_ASSERT_FATAL(nodes_new("/", 16385, &n, NULL) == 0);
    a = node_number(n, FUSE_ROOT_ID, ".snapshot", "/.reserved/.inodes/16385/.snapshot", 16385);
    CU_ASSERT(node_is_past(a) && node_child(n, a, "s1", path));
    CU_ASSERT(strcmp(path, "/.reserved/.inodes/16385/.snapshot/s1") == 0);
    b = node_number(n, a, "s1", path, 16385);
    CU_ASSERT(node_is_past(b) && a != b && node_number(n, a, "s1", path, 16385) == b);
    node_forget(n, b, 1);
    CU_ASSERT(node_path(n, b, path)); /* it was given out twice */
    node_forget(n, b, 1);
    CU_ASSERT(!node_path(n, b, path));
    nodes_free(n);
}

static int errno_for(enum err_code code, const char *text)
{
    struct err err = {.code = code};

    strcpy(err.text, text);
    return errno_of(-(int)code, &err);
}

static void test_errors_are_what_programs_expect(void)
{
    CU_ASSERT(errno_for(ERR_NOENT, "File does not exist: /x") == ENOENT);
    CU_ASSERT(errno_for(ERR_CONNECT, "refused") == EIO);
    CU_ASSERT(
        errno_for(ERR_IO, "File /x could only be written to 0 of the 1 minReplication nodes.") ==
        ENOSPC);
    CU_ASSERT(errno_for(ERR_DS_QUOTA, "quota") == EDQUOT && errno_for(ERR_NS_QUOTA, "q") == EDQUOT);
    CU_ASSERT(errno_for(ERR_ACCESS, "Permission denied. user=x is not the owner of inode=/f") ==
              EPERM);
    CU_ASSERT(errno_for(ERR_ACCESS, "Permission denied: user=x, access=WRITE") == EACCES);
    CU_ASSERT(errno_for(ERR_SAFEMODE, "safe mode") == EROFS);
    for (int code = 1; code < ERR_COUNT; code++) {
        int e = errno_for((enum err_code)code, "");

        /* what a connection says is nothing a program knows of a file */
        CU_ASSERT(e > 0 && e != ECONNREFUSED && e != EHOSTUNREACH && e != ETIMEDOUT && e != EPIPE &&
                  e != EREMOTEIO && e != EPROTO && e != EAGAIN);
    }
}

SUITE(nodes, TEST(test_a_live_node_is_the_stores_own_number),
      TEST(test_a_node_of_a_snapshot_is_known_until_it_is_forgotten),
      TEST(test_errors_are_what_programs_expect))
