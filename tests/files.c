#include "tests/files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "cua/base/file.h"
#include "cua/base/util.h"

char *read_whole_file(const char *path, size_t *ret_len)
{
	struct cua_buffer buffer;
	cua_buffer_init(&buffer, (size_t)256 << 20);
	if (cua_file_read(path, &buffer, NULL) != CUA_OK) {
		cua_buffer_finish(&buffer);
		return NULL;
	}
	if (ret_len) {
		*ret_len = buffer.len;
	}
	return buffer.data ? buffer.data : calloc(1, 1);
}

bool file_contains(const char *path, const char *text)
{
	size_t len = 0;
	CUA_AUTO_FREE char *bytes = read_whole_file(path, &len);
	return bytes && memmem(bytes, len, text, strlen(text)) != NULL;
}

void copy_program(const char *from, const char *to)
{
	size_t len = 0;
	char *bytes = read_whole_file(from, &len);
	assert_non_null(bytes);
	assert_int_equal(cua_file_write(to, bytes, len, 0755, NULL), CUA_OK);
	assert_int_equal(chmod(to, 0755), 0);
	free(bytes);
}
