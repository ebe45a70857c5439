#include "namenode/http/web_status.h"

#include <stdio.h>

#include "namenode/http/web_policy.h"
#include "proto/web_json.h"

static const char *kind_name(const Pb__HdfsFileStatusProto *s)
{
    switch (s->filetype) {
    case PB__HDFS_FILE_STATUS_PROTO__FILE_TYPE__IS_DIR: return "DIRECTORY";
    case PB__HDFS_FILE_STATUS_PROTO__FILE_TYPE__IS_SYMLINK: return "SYMLINK";
    default: return "FILE";
    }
}

static bool has_flag(const Pb__HdfsFileStatusProto *s, unsigned flag)
{
    return s->flags & flag;
}

static void put_flags(json_t *json, const Pb__HdfsFileStatusProto *s)
{
    static const struct {
        unsigned flag;
        const char *name;
    } names[] = {{PB__HDFS_FILE_STATUS_PROTO__FLAGS__HAS_ACL, "aclBit"},
                 {PB__HDFS_FILE_STATUS_PROTO__FLAGS__HAS_CRYPT, "encBit"},
                 {PB__HDFS_FILE_STATUS_PROTO__FLAGS__HAS_EC, "ecBit"},
                 {PB__HDFS_FILE_STATUS_PROTO__FLAGS__SNAPSHOT_ENABLED, "snapshotEnabled"}};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (has_flag(s, names[i].flag))
            json_object_set_new(json, names[i].name, json_true());
}

json_t *web_status_json(const Pb__HdfsFileStatusProto *s)
{
    char mode[16];
    json_t *json;

    snprintf(mode, sizeof mode, "%o", s->permission->perm & 01777);
    json = json_pack(
        "{s:I, s:I, s:i, s:I, s:s, s:I, s:I, s:s, s:o, s:s, s:i, s:i, s:s}", "accessTime",
        (json_int_t)s->access_time, "blockSize", (json_int_t)s->blocksize, "childrenNum",
        s->childrennum > 0 ? s->childrennum : 0, "fileId", (json_int_t)s->fileid, "group", s->group,
        "length", (json_int_t)s->length, "modificationTime", (json_int_t)s->modification_time,
        "owner", s->owner, "pathSuffix", web_json_text(s->path.data, s->path.len), "permission",
        mode, "replication", (int)s->block_replication, "storagePolicy", (int)s->storagepolicy,
        "type", kind_name(s));
    if (!json)
        return NULL;
    put_flags(json, s);
    if (s->ecpolicy && has_flag(s, PB__HDFS_FILE_STATUS_PROTO__FLAGS__HAS_EC)) {
        json_t *policy = web_ec_policy_object(s->ecpolicy);

        json_object_set(json, "ecPolicy", json_object_get(policy, "name"));
        json_object_set_new(json, "ecPolicyObj", policy);
    }
    if (s->has_symlink)
        json_object_set_new(json, "symlink", web_json_text(s->symlink.data, s->symlink.len));
    return json;
}

json_t *web_old_status_json(const Pb__HdfsFileStatusProto *s, const char *path)
{
    char mode[16];

    snprintf(mode, sizeof mode, "%o", s->permission->perm & 01777);
    return json_pack(
        "{s:I, s:s, s:s, s:I, s:s, s:I, s:b, s:i, s:I, s:s}", "blocksize", (json_int_t)s->blocksize,
        "owner", s->owner, "path", path, "length", (json_int_t)s->length, "permission", mode,
        "modification_time", (json_int_t)s->modification_time, "isdir",
        s->filetype == PB__HDFS_FILE_STATUS_PROTO__FILE_TYPE__IS_DIR, "block_replication",
        (int)s->block_replication, "access_time", (json_int_t)s->access_time, "group", s->group);
}
