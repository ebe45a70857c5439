/* Policies of erasure codes: the table, its records and its section; and what clients may do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "namenode/namespace/ec_policy.h"
#include "op_world.h"
#include "tests/lib/suite.h"

static const struct edit_ec_option extra[] = {{"k", "v"}, {"schlüssel", "wert"}};
static const struct edit_ec_policy own = {.codec = "rs",
                                          .data_units = 4,
                                          .parity_units = 2,
                                          .cell_bytes = 65536,
                                          .options = extra,
                                          .option_count = 2};

static int change(struct ec_table *t, enum edit_code code, const char *name)
{
    return ec_apply(t, &(struct edit_op){.code = code, .ec_name = name, .ec = &own}, NULL);
}

static void save(const struct ec_table *t, struct buf *out)
{
    buf_init(out, 1 << 20);
    ec_save(t, out);
    CU_ASSERT_FATAL(!out->bad);
}

/* ---- the table ---- */

static void test_five_are_known_and_off(void)
{
    static const char *const names[] = {"RS-10-4-1024k", "RS-3-2-1024k", "RS-6-3-1024k",
                                        "RS-LEGACY-6-3-1024k", "XOR-2-1-1024k"};
    struct ec_table *t = ec_table_new();

    for (int i = 0; i < 5; i++) {
        CU_ASSERT_STRING_EQUAL(ec_at(t, i)->name, names[i]);
        CU_ASSERT(ec_at(t, i)->state == EC_DISABLED && ec_at(t, i)->is_system);
    }
    CU_ASSERT(ec_at(t, 5) == NULL && ec_by_id(t, 0) == NULL && ec_by_id(t, 6) == NULL);
    CU_ASSERT(ec_by_id(t, 5) == ec_by_name(t, "RS-10-4-1024k"));
    ec_table_free(t);
}

static void test_what_is_removed_stays_known(void)
{
    struct ec_table *t = ec_table_new();
    const struct ec_policy *p;

    CU_ASSERT(change(t, EDIT_ENABLE_EC_POLICY, "RS-4-2-64k") == -ERR_INCONSISTENT);
    CU_ASSERT(change(t, EDIT_ADD_EC_POLICY, NULL) == 0);
    CU_ASSERT(change(t, EDIT_ADD_EC_POLICY, NULL) == 0); /* nothing happens */
    CU_ASSERT(ec_at(t, 5) != NULL && ec_at(t, 6) == NULL);
    CU_ASSERT(change(t, EDIT_REMOVE_EC_POLICY, "RS-4-2-64k") == 0);
    p = ec_by_id(t, EC_FIRST_OWN_ID);
    CU_ASSERT_FATAL(p != NULL);
    CU_ASSERT(p->state == EC_REMOVED && p->data_units == 4 && p->option_count == 2);
    ec_table_free(t);
}

static void test_there_is_room_for_sixty_four_more(void)
{
    struct ec_table *t = ec_table_new();
    struct edit_ec_policy p = own;
    struct edit_op op = {.code = EDIT_ADD_EC_POLICY, .ec = &p};

    for (int i = EC_FIRST_OWN_ID; i <= EC_POLICIES_MAX; i++) {
        p.cell_bytes += 1024;
        CU_ASSERT(ec_apply(t, &op, NULL) == 0);
    }
    p.cell_bytes += 1024;
    CU_ASSERT(ec_apply(t, &op, NULL) == -ERR_INCONSISTENT);
    CU_ASSERT(ec_by_id(t, EC_POLICIES_MAX) != NULL);
    ec_table_free(t);
}

static void test_the_section_brings_everything_back(void)
{
    struct ec_table *a = ec_table_new(), *b = ec_table_new();
    struct buf first, second;

    change(a, EDIT_ADD_EC_POLICY, NULL);
    change(a, EDIT_ENABLE_EC_POLICY, "RS-4-2-64k");
    change(a, EDIT_ENABLE_EC_POLICY, "XOR-2-1-1024k");
    save(a, &first);
    CU_ASSERT(ec_load(b, first.bytes, first.n, NULL) == 0);
    save(b, &second);
    CU_ASSERT(first.n == second.n && memcmp(first.bytes, second.bytes, first.n) == 0);
    CU_ASSERT(ec_by_name(b, "RS-4-2-64k")->state == EC_ENABLED);
    CU_ASSERT_STRING_EQUAL(ec_by_name(b, "RS-4-2-64k")->options[1].key, "schlüssel");
    buf_done(&first);
    buf_done(&second);
    ec_table_free(a);
    ec_table_free(b);
}

static void test_a_damaged_section_is_an_error_and_nothing_worse(void)
{
    struct ec_table *a = ec_table_new();
    struct buf whole;

    change(a, EDIT_ADD_EC_POLICY, NULL);
    save(a, &whole);
    for (size_t n = 1; n < whole.n; n++) {
        struct ec_table *t = ec_table_new();

        CU_ASSERT(ec_load(t, whole.bytes, n, NULL) == -ERR_CORRUPT);
        ec_table_free(t);
    }
    for (size_t bit = 0; bit < whole.n * 8; bit++) {
        struct ec_table *t = ec_table_new();

        whole.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        ec_load(t, whole.bytes, whole.n, NULL);
        whole.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        ec_table_free(t);
    }
    buf_done(&whole);
    ec_table_free(a);
}

/* ---- clients ---- */

static bool says_set(struct op_world *o, char *path, char *policy)
{
    Pb__SetErasureCodingPolicyRequestProto rq = PB__SET_ERASURE_CODING_POLICY_REQUEST_PROTO__INIT;

    rq.src = path;
    rq.ecpolicyname = policy;
    return op_world_call(o, "setErasureCodingPolicy", &rq) != NULL;
}

static bool says_state(struct op_world *o, const char *method, char *policy)
{
    Pb__EnableErasureCodingPolicyRequestProto rq =
        PB__ENABLE_ERASURE_CODING_POLICY_REQUEST_PROTO__INIT;

    rq.ecpolicyname = policy;
    return op_world_call(o, method, &rq) != NULL;
}

static uint32_t policy_of(struct op_world *o, char *path)
{
    Pb__GetErasureCodingPolicyRequestProto rq = PB__GET_ERASURE_CODING_POLICY_REQUEST_PROTO__INIT;
    const Pb__GetErasureCodingPolicyResponseProto *rs;

    rq.src = path;
    rs = op_world_call(o, "getErasureCodingPolicy", &rq);
    return rs && rs->ecpolicy ? rs->ecpolicy->id : 0;
}

static void test_directories_inherit_and_a_restart_changes_nothing(void)
{
    struct op_world o;
    uint64_t digest;

    op_world_open(&o);
    says_mkdirs(&o, "/a/b/c", 0755);
    says_mkdirs(&o, "/x", 0755);
    CU_ASSERT(says_set(&o, "/a", NULL) && policy_of(&o, "/a/b/c") == 1);
    CU_ASSERT(!says_set(&o, "/a/b", "RS-3-2-1024k") && o.err.code == ERR_HADOOP_ARG);
    CU_ASSERT(says_state(&o, "enableErasureCodingPolicy", "RS-3-2-1024k"));
    CU_ASSERT(says_set(&o, "/a/b", "RS-3-2-1024k") && policy_of(&o, "/a/b/c") == 2);
    CU_ASSERT(says_set(&o, "/a/b/c", "REPLICATION") && policy_of(&o, "/a/b/c") == 0);
    CU_ASSERT(policy_of(&o, "/x") == 0 && says_info(&o, "/a")->ecpolicy->id == 1);
    digest = ns_digest(o.nn.ns);
    op_world_restart(&o);
    CU_ASSERT(ns_digest(o.nn.ns) == digest);
    CU_ASSERT(policy_of(&o, "/a") == 1 && policy_of(&o, "/a/b") == 2);
    CU_ASSERT(says_info(&o, "/a/b/c")->ecpolicy == NULL);
    op_world_close(&o);
}

static void test_the_default_is_on_until_it_is_turned_off(void)
{
    struct op_world o;

    op_world_open(&o);
    says_mkdirs(&o, "/a", 0755);
    CU_ASSERT(says_set(&o, "/a", "RS-6-3-1024k"));
    CU_ASSERT(says_state(&o, "disableErasureCodingPolicy", "RS-6-3-1024k"));
    CU_ASSERT(!says_set(&o, "/a", "RS-6-3-1024k"));
    op_world_restart(&o); /* the record is replayed */
    CU_ASSERT(!says_set(&o, "/a", "RS-6-3-1024k"));
    CU_ASSERT(says_state(&o, "enableErasureCodingPolicy", "RS-6-3-1024k"));
    CU_ASSERT(says_set(&o, "/a", "RS-6-3-1024k"));
    op_world_close(&o);
}

static void test_a_policy_that_is_none_fails_the_whole_call(void)
{
    Pb__AddErasureCodingPoliciesRequestProto rq =
        PB__ADD_ERASURE_CODING_POLICIES_REQUEST_PROTO__INIT;
    Pb__ErasureCodingPolicyProto p = PB__ERASURE_CODING_POLICY_PROTO__INIT, *list[] = {&p};
    Pb__ECSchemaProto s = PB__ECSCHEMA_PROTO__INIT;
    const Pb__AddErasureCodingPoliciesResponseProto *rs;
    struct op_world o;

    op_world_open(&o);
    rq.ecpolicies = list;
    rq.n_ecpolicies = 1;
    p.id = 255;
    CU_ASSERT(!op_world_call(&o, "addErasureCodingPolicies", &rq) && o.err.code == ERR_ARGUMENT);
    p.name = "x";
    p.schema = &s;
    s.codecname = "rs";
    s.dataunits = 4;
    p.has_cellsize = 1;
    p.cellsize = 65536;
    CU_ASSERT(!op_world_call(&o, "addErasureCodingPolicies", &rq)); /* no parity */
    s.parityunits = 2;
    p.cellsize = 1000;
    CU_ASSERT(!op_world_call(&o, "addErasureCodingPolicies", &rq));
    p.cellsize = 65536;
    rs = op_world_call(&o, "addErasureCodingPolicies", &rq);
    CU_ASSERT(rs && rs->responses[0]->succeed && rs->responses[0]->policy->id == 64);
    s.dataunits = 14;
    s.parityunits = 3;
    rs = op_world_call(&o, "addErasureCodingPolicies", &rq);
    CU_ASSERT(rs && !rs->responses[0]->succeed && rs->responses[0]->errormsg);
    op_world_close(&o);
}

SUITE(ec_policy, TEST(test_five_are_known_and_off), TEST(test_what_is_removed_stays_known),
      TEST(test_there_is_room_for_sixty_four_more), TEST(test_the_section_brings_everything_back),
      TEST(test_a_damaged_section_is_an_error_and_nothing_worse),
      TEST(test_directories_inherit_and_a_restart_changes_nothing),
      TEST(test_the_default_is_on_until_it_is_turned_off),
      TEST(test_a_policy_that_is_none_fails_the_whole_call))
