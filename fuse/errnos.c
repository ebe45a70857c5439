#include "fuse/errnos.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

/* The first row that fits counts; @says NULL: whatever it says. */
static const struct {
    enum err_code code;
    const char *says;
    int number;
} rows[] = {
    {ERR_ACCESS, "is not the owner of", EPERM},
    {ERR_ACCESS, "on-super user cannot", EPERM},
    {ERR_ACCESS, "does not belong to", EPERM},
    {ERR_ACCESS, "sticky bit", EPERM},
    {ERR_ACCESS, "uperuser privilege is required", EPERM},
    {ERR_ACCESS, "(is not a directory)", ENOTDIR},
    {ERR_EXISTS, "Path is not a directory", EEXIST},
    {ERR_NOENT, "Path is not a file", EISDIR},
    {ERR_IO, "destination directory is not empty", ENOTEMPTY},
    {ERR_IO, "must both be directories", ENOTDIR},
    {ERR_IO, "already exists. The REPLACE flag", EEXIST},
    {ERR_IO, "does not exist. The CREATE flag", ENODATA},
    {ERR_IO, "No matching attributes found", ENODATA},
    {ERR_NOENT, "No matching attributes found", ENODATA},
    {ERR_IO, "attributes were provided was not found", ENODATA},
    {ERR_HADOOP_ARG, "The XAttr is too big", E2BIG},
    {ERR_IO, "Cannot add additional XAttr", ENOSPC},
    {ERR_IO, "Cannot add ACL entries", EINVAL},
    {ERR_IO, "Pathname too long", ENAMETOOLONG},
    {ERR_IO, "could only be written to 0", ENOSPC},
    {ERR_IO, "number of blocks", EFBIG},
    {ERR_DIR_FULL, NULL, ENOSPC},
    {ERR_HADOOP_ARG, "is a reserved name", EACCES},
    {ERR_SNAPSHOT, "snapshottable", EBUSY},
    {ERR_LIMIT, NULL, EFBIG},
    {ERR_LEASE, NULL, EIO},
    {ERR_NOT_REPLICATED, NULL, EIO},
    {ERR_RETRIABLE, NULL, EIO},
    {ERR_STANDBY, NULL, EIO},
    {ERR_UNREGISTERED, NULL, EIO},
    {ERR_REPORT_LEASE, NULL, EIO},
    {ERR_NULLPTR, NULL, EIO},
    {ERR_STATE, NULL, EIO},
    {ERR_VERSION, NULL, EIO},
    {ERR_NO_METHOD, NULL, EOPNOTSUPP},
    {ERR_NO_PROTOCOL, NULL, EIO},
    {ERR_RPC_VERSION, NULL, EIO},
    {ERR_RPC, NULL, EIO},
    {ERR_PROTOCOL, NULL, EIO},
    {ERR_REMOTE, NULL, EIO},
    {ERR_CONNECT, NULL, EIO},
    {ERR_HOST, NULL, EIO},
    {ERR_TIMEOUT, NULL, EIO},
    {ERR_CLOSED, NULL, EIO},
    {ERR_CONFIG, NULL, EIO},
};

int errno_of(int rc, const struct err *err)
{
    if (rc == 0)
        return 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if ((int)rows[i].code == -rc && (!rows[i].says || strstr(err->text, rows[i].says)))
            return rows[i].number;
    return err_to_errno((enum err_code) - rc);
}

int errno_of_node(int rc, const struct err *err)
{
    int e = errno_of(rc, err);

    return e == ENOENT && strstr(err->text, "given inode path") ? ESTALE : e;
}
