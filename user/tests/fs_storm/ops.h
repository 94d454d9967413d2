/* What the operations' files share. */
#ifndef SWITCHBACK_TESTS_FS_STORM_OPS_H
#define SWITCHBACK_TESTS_FS_STORM_OPS_H

#include "storm.h"

extern unsigned op_number; /* of the operation that runs, and who does it */
extern size_t op_who;

/* The call by op_who: what it gave, or -errno. */
#define AS(call) ({ \
	long as_; \
	who_become(op_who); \
	errno = 0; \
	as_ = (long)(call); \
	as_ = as_ < 0 ? -(long)errno : as_; \
	who_root(); \
	as_; \
})
#define TELL(result, format, ...) do { \
	long tell_ = (result); \
	note("%u %s: " format " = %s\n", op_number, who_name(op_who), ##__VA_ARGS__, answer(tell_)); \
} while (0)

/* content.c */
void op_truncate(void);
void op_ftruncate(void);
void op_write(void);
void op_read(void);
void op_fallocate(void);
void op_copy(void);
void op_setxattr(void);
void op_getxattr(void);
void op_listxattr(void);
void op_removexattr(void);
void op_flags(void);
/* So that what is immutable can be worked on again. */
void flags_clear(const char *path);

#endif
