/* The process that decodes. Who takes it over by what it reads can compute and say that a picture
 * is well; it opens, starts and reaches nothing. */

#include <errno.h>
#include <seccomp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "cua/base/file.h"
#include "cua/base/util.h"
#include "cua/picture/check.h"
#include "cua/picture/decode.h"

#define MEMORY_MAX ((rlim_t)512 << 20)

/* Memory, its two descriptors, and its end. */
static const int calls[] = { SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(close), SCMP_SYS(brk),
	SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(mprotect), SCMP_SYS(madvise),
	SCMP_SYS(futex), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(exit),
#ifdef CUA_PICTURE_SANITIZED /* asks for its stack before a longjmp() */
	SCMP_SYS(sigaltstack),
#endif
	SCMP_SYS(exit_group) };

static bool bound_memory(void)
{
#ifdef CUA_PICTURE_SANITIZED
	return true;
#else
	const struct rlimit memory = { MEMORY_MAX, MEMORY_MAX };
	return setrlimit(RLIMIT_DATA, &memory) == 0;
#endif
}

static enum cua_status confine(struct cua_error *err)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	bool is_well = filter != NULL && prctl(PR_SET_DUMPABLE, 0) == 0 && bound_memory();
	for (size_t i = 0; is_well && i < CUA_ARRAY_LEN(calls); i++) {
		is_well = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0) == 0;
	}
	is_well = is_well && seccomp_load(filter) == 0; /* with no_new_privs */
	seccomp_release(filter);
	return is_well ? CUA_OK
		       : CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0,
					 "pictures cannot be checked: this machine has no seccomp");
}

int cua_picture_check_run(int in_fd, int out_fd)
{
	struct cua_error why = { 0 };
	struct stat stat;
	void *bytes = MAP_FAILED;
	enum cua_status status = CUA_ERR_IO;
	if (fstat(in_fd, &stat) == 0 && stat.st_size > 0) {
		bytes = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_PRIVATE, in_fd, 0);
	}
	if (bytes == MAP_FAILED) {
		cua_error_set(&why, status, 0, "there is no picture to be read");
	} else if ((status = confine(&why)) == CUA_OK) {
		status = cua_picture_decode(bytes, (size_t)stat.st_size, &why);
	}
	const char *said = status == CUA_OK ? CUA_PICTURE_IS_WELL : why.msg;
	const bool is_said = cua_write_all(out_fd, said, strlen(said));
	_exit(is_said && status == CUA_OK ? 0 : 1); /* what runs at an exit needs more calls */
}
