#ifndef CUA_TESTS_DISK_TRACE_H
#define CUA_TESTS_DISK_TRACE_H

/* What disk_recorder.c writes down of a process and test_agent_powerloss.c reads: one record for
 * each call that changes files, followed by len bytes of data. */

#include <stdint.h>

enum disk_op {
	DISK_CREATE, /* name in dir is the new file ino */
	DISK_MKDIR,
	DISK_WRITE, /* len bytes at offset of ino */
	DISK_TRUNCATE,
	DISK_SYNC,   /* of ino, a file or a folder */
	DISK_RENAME, /* name in dir becomes to_name in the same folder */
	DISK_UNLINK,
	DISK_ACK, /* the process says that everything up to here is safe; data is a number */
};

struct disk_record {
	enum disk_op op;
	uint32_t len;
	uint64_t dir, ino;
	int64_t offset;
	char name[96], to_name[96];
};

/* A write to this descriptor is a DISK_ACK. No process has so many, whatever it inherited. */
#define DISK_ACK_FD 1000000000

#endif
