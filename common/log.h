/* log.h -- one event, one line: key=value, ending with what happens next.
 *
 *   LOG_WARN("dn.receive", "block=blk_17_1003 peer=dn3:9866 err=\"%s\" next=\"rebuild\"", err.text);
 *
 * prints   2026-11-21T06:30:00.123Z WARN dn.receive block=... to standard error.
 * Values that may hold blanks stand in double quotes.  Libraries return errors and do not log;
 * the daemon that decides what to do next logs once.
 *
 * Thread:  any; a line is one write.
 */
#ifndef DFS_COMMON_LOG_H
#define DFS_COMMON_LOG_H

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

extern enum log_level log_threshold; /* INFO unless ASHLAR_LOG=debug|info|warn|error says else */

void log_init(void); /* reads ASHLAR_LOG */
void log_line(enum log_level level, const char *event, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#define LOG_AT(level, ...) ((level) >= log_threshold ? log_line(level, __VA_ARGS__) : (void)0)
#define LOG_DEBUG(...) LOG_AT(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define LOG_INFO(...) LOG_AT(LOG_LEVEL_INFO, __VA_ARGS__)
#define LOG_WARN(...) LOG_AT(LOG_LEVEL_WARN, __VA_ARGS__)
#define LOG_ERROR(...) LOG_AT(LOG_LEVEL_ERROR, __VA_ARGS__)

#endif
