/* VERSION files, of namenodes and of datanodes, and the hosts files that name those who may join. */
#include <netdb.h>
#include <stdio.h>

#include "datanode/properties.h"
#include "namenode/blocks/hosts.h"
#include "namenode/edits/storage_info.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/memory_env.h"

/* Instead of the system's, which would ask a name server for each that is listed. */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **out)
{
    (void)name, (void)service, (void)hints, (void)out;
    return EAI_NONAME;
}

static const struct conf *settings(const char *more)
{
    const char *defines[] = {"dfs.hosts=/hosts", more};
    struct conf *conf;

    MUST(conf_load(&(struct conf_args){.dir = "", .defines = defines, .define_count = 2}, &conf,
                   NULL) == 0);
    return conf;
}

static void a_hosts_file(struct env *env, const struct conf *conf)
{
    struct hosts *h = NULL;
    struct err err = {0};

    if (hosts_load(env, conf, &h, &err) < 0) {
        MUST(err.text[0]);
        return;
    }
    hosts_may_join(h, "10.0.0.1", "h", 9866);
    hosts_free(h);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static const struct conf *lists, *json;
    struct env *env = memory_env(bytes, n, NULL, 0);
    struct name_identity id;
    struct properties p;
    struct err err = {0};

    if (storage_info_read(env, "VERSION", &id, &err) < 0)
        MUST(err.text[0]);
    if (properties_read(env, "VERSION", &p, NULL) == 0)
        MUST(p.count <= PROPERTIES_MAX && !properties_get(&p, "no such key \x01"));
    if (!lists) {
        lists = settings("dfs.hosts.exclude=/hosts");
        json = settings("dfs.namenode.hosts.provider.classname=org.apache.hadoop.hdfs.server."
                        "blockmanagement.CombinedHostFileManager");
    }
    a_hosts_file(env, lists);
    a_hosts_file(env, json);
    return 0;
}
