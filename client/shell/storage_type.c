#include "client/shell/storage_type.h"

#include <strings.h>

static const char *const names[] = {
    [PB__STORAGE_TYPE_PROTO__DISK] = "DISK",
    [PB__STORAGE_TYPE_PROTO__SSD] = "SSD",
    [PB__STORAGE_TYPE_PROTO__ARCHIVE] = "ARCHIVE",
    [PB__STORAGE_TYPE_PROTO__RAM_DISK] = "RAM_DISK",
    [PB__STORAGE_TYPE_PROTO__PROVIDED] = "PROVIDED",
    [PB__STORAGE_TYPE_PROTO__NVDIMM] = "NVDIMM",
};
enum { TYPES = sizeof names / sizeof *names };

bool storage_type_of(const char *name, Pb__StorageTypeProto *out)
{
    for (int t = 1; t < TYPES; t++)
        if (strcasecmp(names[t], name) == 0) {
            *out = (Pb__StorageTypeProto)t;
            return true;
        }
    return false;
}

const char *storage_type_name(Pb__StorageTypeProto type)
{
    return type > 0 && (int)type < TYPES ? names[type] : "DISK";
}
