/* What clients of the namenode may rely on, call by call; on a namenode in one thread. */
#include <stdlib.h>
#include <string.h>

#include "namenode/namespace/lease.h"
#include "namenode/blocks/lease_recovery.h"
#include "op_world.h"
#include "tests/lib/suite.h"

enum { CREATE = 1, OVERWRITE = 2 };

static void as(struct op_world *o, const char *user)
{
    free((char *)o->user);
    o->user = strdup(user);
}

static bool said(const struct op_world *o, enum err_code code, const char *words)
{
    if (o->err.code == code && strstr(o->err.text, words))
        return true;
    fprintf(stderr, "said %s: \"%s\"\n", err_name(o->err.code), o->err.text);
    return false;
}

/* ---- names ---- */

static void test_directories_are_made_with_their_parents(void)
{
    struct op_world o;
    const Pb__HdfsFileStatusProto *s;

    op_world_open(&o);
    CU_ASSERT(says_mkdirs(&o, "/a/b/c", 0750));
    CU_ASSERT(says_mkdirs(&o, "/a/b/c", 0700)); /* it is there: yes */
    s = says_info(&o, "/a/b/c");
    CU_ASSERT_FATAL(s != NULL);
    CU_ASSERT(s->permission->perm == 0750 && strcmp(s->group, "supergroup") == 0);
    CU_ASSERT(says_info(&o, "/a/b")->childrennum == 1);
    CU_ASSERT(says_info(&o, "/a/x") == NULL && o.err.code == 0);
    op_world_close(&o);
}

static void test_bad_names_are_refused(void)
{
    static const char *const bad[] = {"a", "/a:b", "/a/../b", "/a//b", "/./a"};
    char long_name[400] = "/";
    struct op_world o;

    op_world_open(&o);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CU_ASSERT(!says_mkdirs(&o, bad[i], 0755));
        CU_ASSERT(said(&o, ERR_INVALID_PATH, "Invalid path name"));
    }
    CU_ASSERT(!says_mkdirs(&o, "", 0755));
    CU_ASSERT(said(&o, ERR_ARGUMENT, "Can not create a Path from an empty string"));
    memset(long_name + 1, 'x', 256);
    CU_ASSERT(!says_mkdirs(&o, long_name, 0755));
    CU_ASSERT(said(&o, ERR_NAME_TOO_LONG, "limit=255 length=256"));
    CU_ASSERT(!says_mkdirs(&o, "/.reserved/a", 0755) && o.err.code == ERR_HADOOP_ARG);
    CU_ASSERT(ns_inode_count(o.nn.ns) == 1);
    op_world_close(&o);
}

static void test_rename_moves_into_directories_and_never_into_itself(void)
{
    struct op_world o;

    op_world_open(&o);
    says_mkdirs(&o, "/a/b", 0755);
    says_mkdirs(&o, "/d", 0755);
    CU_ASSERT(says_rename(&o, "/a", "/d"));
    CU_ASSERT(says_info(&o, "/d/a/b") != NULL && says_info(&o, "/a") == NULL);
    CU_ASSERT(!says_rename(&o, "/d", "/d/a/x") && o.err.code == 0);
    CU_ASSERT(!says_rename(&o, "/none", "/y"));
    CU_ASSERT(!says_rename(&o, "/d", "/no/such/place"));
    CU_ASSERT(!says_rename(&o, "/", "/y"));
    op_world_close(&o);
}

static void test_delete_of_a_full_directory_wants_to_be_told(void)
{
    struct op_world o;

    op_world_open(&o);
    says_mkdirs(&o, "/a/b", 0755);
    CU_ASSERT(!says_delete(&o, "/a", false));
    CU_ASSERT(said(&o, ERR_NOTEMPTY, "/a is non empty"));
    CU_ASSERT(says_delete(&o, "/a", true));
    CU_ASSERT(!says_delete(&o, "/a", true) && o.err.code == 0);
    CU_ASSERT(!says_delete(&o, "/", true) && o.err.code == 0);
    op_world_close(&o);
}

static void test_a_quota_of_names_is_kept(void)
{
    Pb__SetQuotaRequestProto rq = PB__SET_QUOTA_REQUEST_PROTO__INIT;
    struct op_world o;

    op_world_open(&o);
    says_mkdirs(&o, "/q", 0755);
    rq.path = "/q";
    rq.namespacequota = 3;
    rq.storagespacequota = INT64_MAX; /* as it is */
    CU_ASSERT(op_world_call(&o, "setQuota", &rq) != NULL);
    CU_ASSERT(says_mkdirs(&o, "/q/a", 0755) && says_create(&o, "/q/f", "c", CREATE));
    CU_ASSERT(!says_mkdirs(&o, "/q/b", 0755));
    CU_ASSERT(said(&o, ERR_NS_QUOTA, "quota=3 file count=4"));
    says_mkdirs(&o, "/x/y", 0755);
    CU_ASSERT(!says_rename(&o, "/x", "/q") && o.err.code == ERR_NS_QUOTA);
    CU_ASSERT(says_delete(&o, "/q/f", false) && says_mkdirs(&o, "/q/b", 0755));
    op_world_close(&o);
}

/* ---- rights ---- */

static void test_others_may_not_and_are_told_so_in_hadoops_words(void)
{
    struct op_world o;

    op_world_open(&o);
    says_mkdirs(&o, "/priv/in", 0700);
    as(&o, "bob");
    CU_ASSERT(!says_mkdirs(&o, "/bob", 0755));
    CU_ASSERT(said(&o, ERR_ACCESS,
                   "Permission denied: user=bob, access=WRITE, "
                   "inode=\"/\":root:supergroup:drwxr-xr-x"));
    CU_ASSERT(says_info(&o, "/priv/in") == NULL);
    CU_ASSERT(said(&o, ERR_ACCESS, "access=EXECUTE, inode=\"/priv\":root:supergroup:drwx------"));
    op_world_close(&o);
}

static void test_in_a_sticky_directory_only_owners_remove(void)
{
    struct op_world o;

    op_world_open(&o);
    says_mkdirs(&o, "/tmp", 01777);
    as(&o, "bob");
    CU_ASSERT(says_mkdirs(&o, "/tmp/b", 0777));
    as(&o, "eve");
    CU_ASSERT(!says_delete(&o, "/tmp/b", true));
    CU_ASSERT(said(&o, ERR_ACCESS, "Permission denied by sticky bit: user=eve, path=\"/tmp/b\""));
    CU_ASSERT(!says_rename(&o, "/tmp/b", "/tmp/e"));
    as(&o, "bob");
    CU_ASSERT(says_delete(&o, "/tmp/b", true));
    op_world_close(&o);
}

/* ---- writing ---- */

static void test_a_file_has_one_writer(void)
{
    struct op_world o;

    op_world_open(&o);
    CU_ASSERT(says_create(&o, "/f", "c1", CREATE));
    CU_ASSERT(!says_create(&o, "/f", "c1", CREATE));
    CU_ASSERT(said(&o, ERR_WRITER, "c1 is already the current lease holder."));
    CU_ASSERT(!says_create(&o, "/f", "c2", CREATE));
    CU_ASSERT(said(&o, ERR_WRITER, "this file lease is currently owned by c1 on 10.0.0.1"));
    CU_ASSERT(!says_complete(&o, "/f", "c2", NULL));
    CU_ASSERT(said(&o, ERR_LEASE, "Client (=c2) is not the lease owner (=c1"));
    CU_ASSERT(says_complete(&o, "/f", "c1", NULL));
    CU_ASSERT(says_complete(&o, "/f", "c1", NULL)); /* the client did not hear the first yes */
    CU_ASSERT(!says_create(&o, "/f", "c2", CREATE));
    CU_ASSERT(said(&o, ERR_EXISTS, "/f for client 10.0.0.1 already exists"));
    CU_ASSERT(says_create(&o, "/f", "c2", CREATE | OVERWRITE));
    op_world_close(&o);
}

/* The datanodes store what a pipeline wrote. */
static void store(struct op_world *o, const Pb__LocatedBlockProto *lb, uint64_t length)
{
    struct held h = {lb->b->blockid, lb->b->generationstamp, length,
                     PB__REPLICA_STATE_PROTO__FINALIZED};

    for (size_t i = 0; i < lb->n_locs; i++)
        for (int k = 0; k < o->w.node_count; k++)
            if (strcmp(o->w.nodes[k].uuid, lb->locs[i]->id->datanodeuuid) == 0) {
                model_put(&o->w.nodes[k], h.id, h.gs, h.length);
                model_received(&o->w, &o->w.nodes[k], &h);
            }
    lb->b->has_numbytes = 1;
    lb->b->numbytes = length;
}

static void test_the_answer_to_complete_waits_for_the_datanodes(void)
{
    struct op_world o;
    Pb__LocatedBlockProto *lb;

    op_world_open(&o);
    world_node(&o.w);
    world_node(&o.w);
    CU_ASSERT_FATAL(says_create(&o, "/f", "c", CREATE));
    lb = says_add_block(&o, "/f", "c", NULL);
    CU_ASSERT_FATAL(lb != NULL);
    CU_ASSERT(lb->n_locs == 2);
    lb->b->has_numbytes = 1;
    lb->b->numbytes = 5000;
    CU_ASSERT(!says_complete(&o, "/f", "c", lb->b));
    CU_ASSERT(o.later_rc == 1); /* no answer yet, rather than a no */
    store(&o, lb, 5000);
    CU_ASSERT(o.later_rc == 0);
    CU_ASSERT(((Pb__CompleteResponseProto *)o.later_reply)->result);
    CU_ASSERT(o.nn.told_not_yet == 0);
    CU_ASSERT(says_info(&o, "/f")->length == 5000);
    op_world_close(&o);
}

static void test_complete_is_no_when_the_datanodes_stay_silent(void)
{
    struct op_world o;
    Pb__LocatedBlockProto *lb;

    op_world_open(&o);
    world_node(&o.w);
    says_create(&o, "/f", "c", CREATE);
    lb = says_add_block(&o, "/f", "c", NULL);
    CU_ASSERT_FATAL(lb != NULL);
    says_complete(&o, "/f", "c", lb->b);
    world_pass(&o.w, 5000);
    CU_ASSERT(o.later_rc == 0);
    CU_ASSERT(!((Pb__CompleteResponseProto *)o.later_reply)->result);
    CU_ASSERT(o.nn.told_not_yet == 1);
    op_world_close(&o);
}

static void test_a_repeated_add_block_gives_the_same_block(void)
{
    struct op_world o;
    Pb__LocatedBlockProto *one, *again, *two;

    op_world_open(&o);
    world_node(&o.w);
    says_create(&o, "/f", "c", CREATE);
    one = says_add_block(&o, "/f", "c", NULL);
    again = says_add_block(&o, "/f", "c", NULL);
    CU_ASSERT_FATAL(one && again);
    CU_ASSERT(one->b->blockid == again->b->blockid);
    CU_ASSERT(one->n_locs == again->n_locs);
    store(&o, one, 1 << 20);
    two = says_add_block(&o, "/f", "c", one->b);
    CU_ASSERT_FATAL(two != NULL);
    CU_ASSERT(two->b->blockid == one->b->blockid + 1 && two->offset == 1 << 20);
    CU_ASSERT(!says_add_block(&o, "/f", "c", NULL));
    CU_ASSERT(said(&o, ERR_IO, "does not match actual last block in file"));
    store(&o, two, 7);
    CU_ASSERT(says_complete(&o, "/f", "c", two->b));
    CU_ASSERT(says_info(&o, "/f")->length == (1 << 20) + 7);
    op_world_close(&o);
}

static void test_without_datanodes_a_block_is_refused_with_the_reason(void)
{
    struct op_world o;

    op_world_open(&o);
    says_create(&o, "/f", "c", CREATE);
    CU_ASSERT(says_add_block(&o, "/f", "c", NULL) == NULL);
    CU_ASSERT(
        said(&o, ERR_IO, "File /f could only be written to 0 of the 1 minReplication nodes."));
    op_world_close(&o);
}

/* ---- writers that vanish ---- */

static void test_after_the_soft_limit_another_writer_takes_over(void)
{
    struct op_world o;

    op_world_open(&o);
    says_create(&o, "/f", "c1", CREATE);
    world_pass(&o.w, 61000);
    CU_ASSERT(!says_create(&o, "/f", "c2", CREATE));
    CU_ASSERT(said(&o, ERR_EXISTS, "already exists")); /* it was closed for c1 */
    CU_ASSERT(says_create(&o, "/f", "c2", CREATE | OVERWRITE));
    CU_ASSERT(!says_complete(&o, "/f", "c1", NULL));
    op_world_close(&o);
}

static void test_a_written_block_is_recovered_before_its_file_is_closed(void)
{
    struct op_world o;
    Pb__RecoverLeaseRequestProto rq = PB__RECOVER_LEASE_REQUEST_PROTO__INIT;
    const Pb__RecoverLeaseResponseProto *rs;
    Pb__LocatedBlockProto *lb;
    struct model *m;

    op_world_open(&o);
    m = world_node(&o.w);
    says_create(&o, "/f", "c1", CREATE);
    lb = says_add_block(&o, "/f", "c1", NULL);
    CU_ASSERT_FATAL(lb != NULL);
    model_put(m, lb->b->blockid, lb->b->generationstamp, 4711);
    rq.src = "/f";
    rq.clientname = "c2";
    rs = op_world_call(&o, "recoverLease", &rq);
    CU_ASSERT_FATAL(rs != NULL);
    CU_ASSERT(!rs->result);
    world_pass(&o.w, 10000);
    CU_ASSERT(m->recoveries == 1);
    CU_ASSERT(m->recovery_id > lb->b->generationstamp);
    op_world_close(&o);
}

/* ---- the log ---- */

static void test_a_restart_brings_back_exactly_what_was_there(void)
{
    struct op_world o;
    Pb__LocatedBlockProto *lb;
    char *before, *after;

    op_world_open(&o);
    world_node(&o.w);
    world_node(&o.w);
    says_mkdirs(&o, "/a/b/c", 0750);
    says_create(&o, "/a/f", "c", CREATE);
    lb = says_add_block(&o, "/a/f", "c", NULL);
    CU_ASSERT_FATAL(lb != NULL);
    store(&o, lb, 4000);
    CU_ASSERT(says_complete(&o, "/a/f", "c", lb->b));
    says_create(&o, "/a/open", "c", CREATE);
    says_rename(&o, "/a/b", "/moved");
    says_create(&o, "/a/f", "c", CREATE | OVERWRITE);
    says_complete(&o, "/a/f", "c", NULL);
    says_mkdirs(&o, "/gone/x", 0755);
    says_delete(&o, "/gone", true);
    before = op_world_tree(&o);
    op_world_restart(&o);
    after = op_world_tree(&o);
    CU_ASSERT(strcmp(before, after) == 0);
    if (strcmp(before, after) != 0)
        fprintf(stderr, "before:\n%safter:\n%s", before, after);
    CU_ASSERT(says_complete(&o, "/a/open", "c", NULL)); /* its writer goes on */
    free(before);
    free(after);
    op_world_close(&o);
}

/* Random calls; whatever they answered, a restart shows the same names. */
static void test_random_calls_survive_a_restart(void)
{
    static const char *const names[] = {"/a", "/b", "/a/x", "/a/y", "/b/x", "/a/x/z", "/b/x/z"};
    enum { NAMES = sizeof names / sizeof *names };
    unsigned seed = getenv("SEED") ? (unsigned)atoi(getenv("SEED")) : 20261121;
    struct op_world o;

    op_world_open(&o);
    world_node(&o.w);
    for (int round = 0; round < 8; round++) {
        char *before, *after;

        for (int i = 0; i < 300; i++) {
            const char *p = names[rand_r(&seed) % NAMES], *q = names[rand_r(&seed) % NAMES];
            Pb__LocatedBlockProto *lb;

            switch (rand_r(&seed) % 7) {
            case 0: says_mkdirs(&o, p, 0755); break;
            case 1: says_create(&o, p, "c", CREATE | OVERWRITE); break;
            case 2: says_complete(&o, p, "c", NULL); break;
            case 3: says_rename(&o, p, q); break;
            case 4: says_delete(&o, p, rand_r(&seed) % 2); break;
            default:
                if ((lb = says_add_block(&o, p, "c", NULL))) {
                    store(&o, lb, rand_r(&seed) % 100000);
                    says_complete(&o, p, "c", lb->b);
                }
            }
            if (i % 50 == 0)
                arena_reset(&o.answers);
        }
        ns_check(o.nn.ns);
        before = op_world_tree(&o);
        op_world_restart(&o);
        after = op_world_tree(&o);
        CU_ASSERT(strcmp(before, after) == 0);
        if (strcmp(before, after) != 0)
            fprintf(stderr, "SEED=20261121 round %d\nbefore:\n%safter:\n%s", round, before, after);
        free(before);
        free(after);
    }
    op_world_close(&o);
}

SUITE(ops, TEST(test_directories_are_made_with_their_parents), TEST(test_bad_names_are_refused),
      TEST(test_rename_moves_into_directories_and_never_into_itself),
      TEST(test_delete_of_a_full_directory_wants_to_be_told), TEST(test_a_quota_of_names_is_kept),
      TEST(test_others_may_not_and_are_told_so_in_hadoops_words),
      TEST(test_in_a_sticky_directory_only_owners_remove), TEST(test_a_file_has_one_writer),
      TEST(test_the_answer_to_complete_waits_for_the_datanodes),
      TEST(test_complete_is_no_when_the_datanodes_stay_silent),
      TEST(test_a_repeated_add_block_gives_the_same_block),
      TEST(test_without_datanodes_a_block_is_refused_with_the_reason),
      TEST(test_after_the_soft_limit_another_writer_takes_over),
      TEST(test_a_written_block_is_recovered_before_its_file_is_closed),
      TEST(test_a_restart_brings_back_exactly_what_was_there),
      TEST(test_random_calls_survive_a_restart))
