/* Runs a fuzz target over the files of directories: the corpus as a plain test. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "cua/base/file.h"
#include "cua/base/util.h"
#include "tests/fuzz/fuzz.h"

static int replay(const char *path)
{
	CUA_AUTO_BUFFER struct cua_buffer content;
	struct cua_error err = { 0 };
	cua_buffer_init(&content, 1 << 20);
	if (cua_file_read(path, &content, &err) != CUA_OK) {
		fprintf(stderr, "%s\n", err.msg);
		return 0;
	}
	/* In memory of its own length, so that a read past the end is found. */
	CUA_AUTO_FREE uint8_t *data = malloc(content.len ? content.len : 1);
	if (!data) {
		return 0;
	}
	if (content.len > 0) {
		memcpy(data, content.data, content.len);
	}
	LLVMFuzzerTestOneInput(data, content.len);
	return 1;
}

int main(int argc, char **argv)
{
	int count = 0;
	for (int i = 1; i < argc; i++) {
		DIR *dir = opendir(argv[i]);
		if (!dir) {
			perror(argv[i]);
			return 1;
		}
		for (const struct dirent *entry; (entry = readdir(dir));) {
			char path[4096];
			snprintf(path, sizeof(path), "%s/%s", argv[i], entry->d_name);
			if (entry->d_name[0] != '.') {
				if (!replay(path)) {
					closedir(dir);
					return 1;
				}
				count++;
			}
		}
		closedir(dir);
	}
	printf("%d inputs\n", count);
	return count > 0 ? 0 : 1;
}
