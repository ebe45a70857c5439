#include "namenode/edits/events.h"

#include <string.h>

/* A batch that is being made; whatever has failed makes it bad. */
struct maker {
    struct arena *arena;
    Pb__EventBatchProto *batch;
    bool bad;
};

static char *text(struct maker *m, const char *s)
{
    char *copy = arena_strndup(m->arena, s ? s : "", s ? strlen(s) : 0);

    m->bad |= !copy;
    return copy;
}

static void put(struct maker *m, Pb__EventType type, const void *contents)
{
    size_t n = protobuf_c_message_get_packed_size(contents);
    Pb__EventProto *e = arena_alloc(m->arena, sizeof *e);
    uint8_t *bytes = arena_alloc(m->arena, n + 1);

    m->bad |= !e || !bytes;
    if (m->bad)
        return;
    protobuf_c_message_pack(contents, bytes);
    pb__event_proto__init(e);
    e->type = type;
    e->contents = (ProtobufCBinaryData){n, bytes};
    m->batch->events[m->batch->n_events++] = e;
}

/* ---- creating, writing, removing ---- */

static void put_create(struct maker *m, const struct edit_op *op, Pb__INodeType type)
{
    Pb__CreateEventProto e = PB__CREATE_EVENT_PROTO__INIT;
    Pb__FsPermissionProto perms = PB__FS_PERMISSION_PROTO__INIT;
    bool file = type == PB__INODE_TYPE__I_TYPE_FILE;

    e.type = type;
    e.path = text(m, op->path);
    e.ctime = (int64_t)(type == PB__INODE_TYPE__I_TYPE_DIRECTORY ? op->mtime_ms : op->atime_ms);
    e.ownername = text(m, op->user);
    e.groupname = text(m, op->group);
    perms.perm = op->mode;
    e.perms = &perms;
    e.has_replication = e.has_overwrite = e.has_defaultblocksize = 1;
    e.replication = file ? op->replication : 0;
    e.overwrite = file && op->overwrite;
    e.defaultblocksize = file ? (int64_t)op->block_size : 0;
    e.symlinktarget = text(m, type == PB__INODE_TYPE__I_TYPE_SYMLINK ? op->path2 : "");
    e.has_erasurecoded = file;
    e.erasurecoded = file && op->ec_policy != 0;
    if (!m->bad)
        put(m, PB__EVENT_TYPE__EVENT_CREATE, &e);
}

static void put_append(struct maker *m, const char *path, bool new_block)
{
    Pb__AppendEventProto e = PB__APPEND_EVENT_PROTO__INIT;

    e.path = text(m, path);
    e.has_newblock = 1;
    e.newblock = new_block;
    if (!m->bad)
        put(m, PB__EVENT_TYPE__EVENT_APPEND, &e);
}

static void put_close(struct maker *m, const struct edit_op *op, int64_t size)
{
    Pb__CloseEventProto e = PB__CLOSE_EVENT_PROTO__INIT;

    e.path = text(m, op->path);
    e.filesize = size;
    e.timestamp = (int64_t)op->mtime_ms;
    if (!m->bad)
        put(m, PB__EVENT_TYPE__EVENT_CLOSE, &e);
}

static void put_unlink(struct maker *m, const char *path, uint64_t when)
{
    Pb__UnlinkEventProto e = PB__UNLINK_EVENT_PROTO__INIT;

    e.path = text(m, path);
    e.timestamp = (int64_t)when;
    if (!m->bad)
        put(m, PB__EVENT_TYPE__EVENT_UNLINK, &e);
}

static void put_rename(struct maker *m, const struct edit_op *op)
{
    Pb__RenameEventProto e = PB__RENAME_EVENT_PROTO__INIT;

    e.srcpath = text(m, op->path);
    e.destpath = text(m, op->path2);
    e.timestamp = (int64_t)op->mtime_ms;
    if (!m->bad)
        put(m, PB__EVENT_TYPE__EVENT_RENAME, &e);
}

static void put_truncate(struct maker *m, const struct edit_op *op)
{
    Pb__TruncateEventProto e = PB__TRUNCATE_EVENT_PROTO__INIT;

    e.path = text(m, op->path);
    e.filesize = (int64_t)op->new_length;
    e.timestamp = (int64_t)op->mtime_ms;
    if (!m->bad)
        put(m, PB__EVENT_TYPE__EVENT_TRUNCATE, &e);
}

static int64_t size_of(const struct edit_op *op)
{
    int64_t size = 0;

    for (int i = 0; i < op->block_count; i++)
        size += (int64_t)op->blocks[i].length;
    return size;
}

/* A concat is an append to the target, the sources' end, and a close of unknown length. */
static void put_concat(struct maker *m, const struct edit_op *op)
{
    put_append(m, op->path, false);
    for (int i = 0; i < op->source_count; i++)
        put_unlink(m, op->sources[i], op->mtime_ms);
    put_close(m, op, -1);
}

/* ---- attributes ---- */

static void put_acl(struct maker *m, const struct edit_op *op, Pb__MetadataUpdateEventProto *e)
{
    size_t n = (size_t)op->acl_count;
    Pb__AclEntryProto *list = arena_zalloc(m->arena, (n + 1) * sizeof *list);

    e->acls = arena_alloc(m->arena, (n + 1) * sizeof *e->acls);
    m->bad |= !list || !e->acls;
    for (size_t i = 0; i < n && !m->bad; i++) {
        pb__acl_entry_proto__init(&list[i]);
        list[i].type = (Pb__AclEntryProto__AclEntryTypeProto)op->acl[i].type;
        list[i].scope = (Pb__AclEntryProto__AclEntryScopeProto)op->acl[i].scope;
        list[i].permissions = (Pb__AclEntryProto__FsActionProto)op->acl[i].permissions;
        list[i].name = op->acl[i].name ? text(m, op->acl[i].name) : NULL;
        e->acls[e->n_acls++] = &list[i];
    }
}

static void put_xattrs(struct maker *m, const struct edit_op *op, Pb__MetadataUpdateEventProto *e)
{
    size_t n = (size_t)op->xattr_count;
    Pb__XAttrProto *list = arena_zalloc(m->arena, (n + 1) * sizeof *list);

    e->xattrs = arena_alloc(m->arena, (n + 1) * sizeof *e->xattrs);
    m->bad |= !list || !e->xattrs;
    for (size_t i = 0; i < n && !m->bad; i++) {
        const struct edit_xattr *x = &op->xattrs[i];

        pb__xattr_proto__init(&list[i]);
        list[i].namespace_ = (Pb__XAttrProto__XAttrNamespaceProto)x->ns;
        list[i].name = text(m, x->name);
        list[i].has_value = x->value != NULL;
        list[i].value = (ProtobufCBinaryData){x->value_n, (uint8_t *)(uintptr_t)x->value};
        e->xattrs[e->n_xattrs++] = &list[i];
    }
}

/* Every field is sent; those that the kind does not have are empty. */
static void put_metadata(struct maker *m, const struct edit_op *op, Pb__MetadataUpdateType type)
{
    Pb__MetadataUpdateEventProto e = PB__METADATA_UPDATE_EVENT_PROTO__INIT;
    Pb__FsPermissionProto perms = PB__FS_PERMISSION_PROTO__INIT;
    bool times = type == PB__METADATA_UPDATE_TYPE__META_TYPE_TIMES;
    bool owner = type == PB__METADATA_UPDATE_TYPE__META_TYPE_OWNER;

    e.type = type;
    e.path = text(m, op->path);
    e.has_mtime = e.has_atime = e.has_replication = e.has_xattrsremoved = 1;
    e.mtime = times ? (int64_t)op->mtime_ms : 0;
    e.atime = times ? (int64_t)op->atime_ms : 0;
    if (type == PB__METADATA_UPDATE_TYPE__META_TYPE_REPLICATION)
        e.replication = op->replication;
    e.ownername = text(m, owner ? op->user : NULL);
    e.groupname = text(m, owner ? op->group : NULL);
    perms.perm = op->mode;
    if (type == PB__METADATA_UPDATE_TYPE__META_TYPE_PERMS)
        e.perms = &perms;
    if (type == PB__METADATA_UPDATE_TYPE__META_TYPE_ACLS)
        put_acl(m, op, &e);
    if (type == PB__METADATA_UPDATE_TYPE__META_TYPE_XATTRS)
        put_xattrs(m, op, &e);
    e.xattrsremoved = op->code == EDIT_REMOVE_XATTR;
    if (!m->bad)
        put(m, PB__EVENT_TYPE__EVENT_METADATA, &e);
}

/* ---- all ---- */

static void put_events(struct maker *m, const struct edit_op *op)
{
    switch (op->code) {
    case EDIT_ADD: /* with blocks it is an append, as Hadoop wrote it before there was OP_APPEND */
        if (op->block_count > 0)
            put_append(m, op->path, false);
        else
            put_create(m, op, PB__INODE_TYPE__I_TYPE_FILE);
        break;
    case EDIT_MKDIR: put_create(m, op, PB__INODE_TYPE__I_TYPE_DIRECTORY); break;
    case EDIT_SYMLINK: put_create(m, op, PB__INODE_TYPE__I_TYPE_SYMLINK); break;
    case EDIT_CLOSE: put_close(m, op, size_of(op)); break;
    case EDIT_APPEND: put_append(m, op->path, op->new_block); break;
    case EDIT_TRUNCATE: put_truncate(m, op); break;
    case EDIT_SPLICE:
    case EDIT_CONCAT_DELETE: put_concat(m, op); break;
    case EDIT_RENAME_OLD:
    case EDIT_RENAME: put_rename(m, op); break;
    case EDIT_DELETE: put_unlink(m, op->path, op->mtime_ms); break;
    case EDIT_SET_REPLICATION:
        put_metadata(m, op, PB__METADATA_UPDATE_TYPE__META_TYPE_REPLICATION);
        break;
    case EDIT_SET_PERMISSIONS:
        put_metadata(m, op, PB__METADATA_UPDATE_TYPE__META_TYPE_PERMS);
        break;
    case EDIT_SET_OWNER: put_metadata(m, op, PB__METADATA_UPDATE_TYPE__META_TYPE_OWNER); break;
    case EDIT_TIMES: put_metadata(m, op, PB__METADATA_UPDATE_TYPE__META_TYPE_TIMES); break;
    case EDIT_SET_ACL: put_metadata(m, op, PB__METADATA_UPDATE_TYPE__META_TYPE_ACLS); break;
    case EDIT_SET_XATTR:
    case EDIT_REMOVE_XATTR: put_metadata(m, op, PB__METADATA_UPDATE_TYPE__META_TYPE_XATTRS); break;
    default: break;
    }
}

int event_batch(const struct edit_op *op, struct arena *arena, Pb__EventBatchProto **out,
                struct err *err)
{
    struct maker m = {.arena = arena, .batch = arena_alloc(arena, sizeof *m.batch)};

    *out = NULL;
    if (m.batch) {
        pb__event_batch_proto__init(m.batch);
        m.batch->txid = (int64_t)op->txid;
        m.batch->events =
            arena_alloc(arena, ((size_t)op->source_count + 2) * sizeof *m.batch->events);
    }
    m.bad = !m.batch || !m.batch->events;
    if (!m.bad)
        put_events(&m, op);
    if (m.bad)
        return err_set(err, ERR_NOMEM, "answer too large");
    if (m.batch->n_events > 0)
        *out = m.batch;
    return 0;
}
