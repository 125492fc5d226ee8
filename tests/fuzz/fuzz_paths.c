/* Paths in the folder of a project, and what of a file is asked for: nothing outside of the folder
 * is found, whatever links lie in it, and no byte behind the end of a file. Lines: a path, Range,
 * Upload-Offset. */
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cua/base/file.h"
#include "cua/base/util.h"
#include "cua/server/file_range.h"
#include "cua/server/workspace_path.h"
#include "tests/fuzz/fuzz.h"

#define SIZE 1000

static int root_fd = -1;
static char dir[] = "/tmp/cua-fuzz-XXXXXX";

static void forget(void)
{
	(void)!cua_remove_tree(dir, NULL);
}

/* Folders, a file, and links that lead out, around and up. */
static void begin(void)
{
	FUZZ_CHECK(mkdtemp(dir));
	root_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	FUZZ_CHECK(root_fd >= 0 && mkdirat(root_fd, "a", 0755) == 0 &&
			mkdirat(root_fd, "a/b", 0755) == 0);
	FUZZ_CHECK(symlinkat("/", root_fd, "out") == 0 && symlinkat("..", root_fd, "a/up") == 0 &&
			symlinkat("round", root_fd, "round") == 0 &&
			symlinkat("/etc/passwd", root_fd, "a/file") == 0);
	atexit(forget);
}

static void check_beneath(int fd)
{
	char self[64], path[PATH_MAX] = "";
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	FUZZ_CHECK(readlink(self, path, sizeof(path) - 1) > 0);
	FUZZ_CHECK(strncmp(path, dir, strlen(dir)) == 0);
	FUZZ_CHECK(path[strlen(dir)] == '\0' || path[strlen(dir)] == '/');
}

static void find(const char *path)
{
	WORKSPACE_AUTO_PLACE struct workspace_place place = { -1, "" };
	CUA_AUTO_FD int fd = -1, file_fd = -1;
	struct stat info;
	if (workspace_find(root_fd, path, false, &place, NULL) == CUA_OK) {
		check_beneath(place.folder_fd);
		FUZZ_CHECK(place.name[0] && !strchr(place.name, '/') &&
				strcmp(place.name, "..") != 0 && strcmp(place.name, ".") != 0);
		/* There is no file in it. */
		FUZZ_CHECK(workspace_open_file(&place, O_RDONLY, &file_fd, &info, NULL) != CUA_OK);
	}
	if (workspace_open_folder(root_fd, path, &fd, NULL) == CUA_OK) {
		check_beneath(fd);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	off_t first = 0, end = 0;
	int64_t offset = 0;
	bool is_range = false;
	CUA_AUTO_FREE char *text = calloc(1, size + 1);
	FUZZ_CHECK(text);
	memcpy(text, data, size);
	if (root_fd < 0) {
		begin();
	}
	char *rest = text;
	find(strsep(&rest, "\n"));
	const char *range = rest ? strsep(&rest, "\n") : "";
	for (off_t of = 0; of <= SIZE; of += SIZE) {
		if (file_range_read(range, of, &first, &end, &is_range)) {
			FUZZ_CHECK(first >= 0 && first <= end && end <= of);
			FUZZ_CHECK(is_range ? first < end : first == 0 && end == of);
		}
	}
	if (file_offset_read(rest ? rest : "", &offset, NULL) == CUA_OK) {
		FUZZ_CHECK(offset >= 0 && offset < 1000000000000000);
	}
	return 0;
}
