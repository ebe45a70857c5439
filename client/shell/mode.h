/* mode.h -- permissions as people write them: 644, 1777, u+x,go-w, a=rX. */
#ifndef DFS_CLIENT_SHELL_MODE_H
#define DFS_CLIENT_SHELL_MODE_H

#include <stdbool.h>
#include <stdint.h>

/* What @text makes of @old; false when it is no mode. */
bool mode_apply(const char *text, uint16_t old, bool is_dir, uint16_t *out);

#endif
