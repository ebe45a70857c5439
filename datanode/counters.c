#include "datanode/counters.h"

struct metric counters[COUNT_MAX] = {
#define COUNTER(id, prom, jmx, text)                                                               \
    [COUNT_##id] = {.name = prom,                                                                  \
                    .help = text,                                                                  \
                    .kind = METRIC_COUNTER,                                                        \
                    .jmx_bean = "Hadoop:service=DataNode,name=DataNodeActivity",                   \
                    .jmx_name = jmx},
#include "datanode/counters.def"
#undef COUNTER
};
