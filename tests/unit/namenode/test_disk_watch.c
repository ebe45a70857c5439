/* test_disk_watch.c -- when the namenode says that room for its edits is getting low. */
#include <string.h>

#include "block_world.h"
#include "namenode/edits/disk_watch.h"
#include "tests/lib/suite.h"

/* Directories "/d0/..." to "/d9/..." are each on a file system of their own. */
static uint64_t free_bytes[10];
static bool broken[10];

static int room(struct env *e, const char *path, struct env_room *out, struct err *err)
{
    int i = path[2] - '0';

    (void)e;
    if (strncmp(path, "/d", 2) != 0)
        return err_set(err, ERR_NOENT, "room at %s", path);
    if (broken[i])
        return err_set(err, ERR_IO, "%s", path);
    *out = (struct env_room){
        .total_bytes = 1 << 30, .free_bytes = free_bytes[i], .device = 100u + (unsigned)i};
    return 0;
}

struct eyes {
    struct env env;
    struct env_ops ops;
    struct conf *conf;
    struct disk_watch *w;
};

static int eyes_open(struct eyes *e, const char *dirs[], int count, const char *more,
                     const char *min)
{
    const char *defines[] = {"dfs.namenode.resource.du.reserved=1000", more, min};
    struct conf_args args = {.defines = defines, .define_count = 3};

    memset(e, 0, sizeof *e);
    memset(broken, 0, sizeof broken);
    for (int i = 0; i < 10; i++)
        free_bytes[i] = 5000;
    e->ops = *env_posix()->ops;
    e->ops.room = room;
    e->env.ops = &e->ops;
    CU_ASSERT_FATAL(conf_load(&args, &e->conf, NULL) == 0);
    return disk_watch_new(&(struct disk_watch_options){.env = &e->env,
                                                       .conf = e->conf,
                                                       .edits_dirs = (char *const *)dirs,
                                                       .edits_dir_count = count},
                          &e->w, NULL);
}

static void eyes_close(struct eyes *e)
{
    disk_watch_free(e->w);
    conf_free(e->conf);
}

#define NO_MORE "dfs.namenode.resource.checked.volumes="
#define MIN(n) "dfs.namenode.resource.checked.volumes.minimum=" #n

static void test_exactly_what_is_reserved_is_enough(void)
{
    const char *dirs[] = {"/d1/name"};
    struct eyes e;

    CU_ASSERT_FATAL(eyes_open(&e, dirs, 1, NO_MORE, MIN(1)) == 0);
    CU_ASSERT(disk_watch_has_room(e.w));
    free_bytes[1] = 1000;
    CU_ASSERT(disk_watch_has_room(e.w));
    free_bytes[1] = 999;
    CU_ASSERT(!disk_watch_has_room(e.w));
    free_bytes[1] = 1000;
    CU_ASSERT(disk_watch_has_room(e.w));
    broken[1] = true;
    CU_ASSERT(!disk_watch_has_room(e.w));
    eyes_close(&e);
}

static void test_as_many_volumes_of_the_edits_as_are_asked_for_must_have_room(void)
{
    const char *dirs[] = {"/d1/name", "/d2/name", "/d2/edits", "/d3/name"};
    struct eyes e;

    CU_ASSERT_FATAL(eyes_open(&e, dirs, 4, NO_MORE, MIN(1)) == 0);
    free_bytes[1] = free_bytes[2] = 0;
    CU_ASSERT(disk_watch_has_room(e.w));
    free_bytes[3] = 0;
    CU_ASSERT(!disk_watch_has_room(e.w));
    eyes_close(&e);
    CU_ASSERT_FATAL(eyes_open(&e, dirs, 4, NO_MORE, MIN(2)) == 0);
    free_bytes[1] = 0;
    CU_ASSERT(disk_watch_has_room(e.w));
    free_bytes[2] = 0; /* two directories, but one volume */
    CU_ASSERT(!disk_watch_has_room(e.w));
    eyes_close(&e);
}

static void test_further_volumes_must_all_have_room(void)
{
    const char *dirs[] = {"/d1/name", "/d2/name"};
    struct eyes e;

    CU_ASSERT_FATAL(eyes_open(&e, dirs, 2,
                              "dfs.namenode.resource.checked.volumes=/d3/log,file:///d1",
                              MIN(1)) == 0);
    CU_ASSERT(disk_watch_has_room(e.w));
    free_bytes[1] = 0; /* d2 were enough, if d1 were only one of the edits' */
    CU_ASSERT(!disk_watch_has_room(e.w));
    free_bytes[1] = 5000;
    CU_ASSERT(disk_watch_has_room(e.w));
    free_bytes[3] = 0;
    CU_ASSERT(!disk_watch_has_room(e.w));
    eyes_close(&e);
    CU_ASSERT(eyes_open(&e, dirs, 2, "dfs.namenode.resource.checked.volumes=/none", MIN(1)) ==
              -ERR_NOENT);
    eyes_close(&e);
}

static void test_low_resources_are_one_reason_for_safe_mode_among_others(void)
{
    static struct world w;
    char tip[1024];

    world_init(&w);
    world_open(&w);
    CU_ASSERT_FATAL(!bm_in_safe_mode(w.bm));
    bm_set_low_on_resources(w.bm, true);
    CU_ASSERT(bm_in_safe_mode(w.bm) && !bm_in_startup_safe_mode(w.bm));
    bm_safe_mode_tip(w.bm, tip, sizeof tip);
    CU_ASSERT_STRING_EQUAL(tip,
                           "Resources are low on NN. Please add or free up more resourcesthen turn "
                           "off safe mode manually. NOTE:  If you turn off safe mode before adding "
                           "resources, the NN will immediately return to safe mode. Use \"hdfs "
                           "dfsadmin -safemode leave\" to turn safe mode off.");
    bm_set_low_on_resources(w.bm, false);
    CU_ASSERT(!bm_in_safe_mode(w.bm));
    bm_enter_safe_mode(w.bm);
    bm_set_low_on_resources(w.bm, true);
    bm_set_low_on_resources(w.bm, false);
    CU_ASSERT(bm_in_safe_mode(w.bm)); /* the operator's */
    bm_set_low_on_resources(w.bm, true);
    CU_ASSERT(bm_leave_safe_mode(w.bm, false));
    CU_ASSERT(!bm_in_safe_mode(w.bm));
    bm_set_low_on_resources(w.bm, true); /* the next look */
    CU_ASSERT(bm_in_safe_mode(w.bm));
    world_close(&w);
}

SUITE(disk_watch, TEST(test_exactly_what_is_reserved_is_enough),
      TEST(test_as_many_volumes_of_the_edits_as_are_asked_for_must_have_room),
      TEST(test_further_volumes_must_all_have_room),
      TEST(test_low_resources_are_one_reason_for_safe_mode_among_others));
