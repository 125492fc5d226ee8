/* cua runs export */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "agent/event.h"
#include "agent/journal_read.h"
#include "agent/report.h"
#include "cua/base/file.h"
#include "cua/base/util.h"
#include "cua/cmd.h"
#include "cua/runs/runs.h"

#define DEFAULT_FRAME_MS 1000
#define SCREENSHOT_MAX ((size_t)64 << 20)
#define TEXT_MAX ((size_t)2 << 30)

/* --- secrets that were set after the run --- */

/* The line of an event without its line break: as it is, or without what it must not hold. */
static char *hide_line(const struct agent_redactor *redactor, const char *line, size_t len)
{
	CUA_AUTO_JSON cJSON *event = agent_redact_finds(redactor, line, len)
			? agent_event_parse(line, len)
			: NULL;
	if (!event) {
		return strndup(line, len);
	}
	agent_redact_json(redactor, event);
	return cJSON_PrintUnformatted(event);
}

/* --- a folder --- */

static enum cua_status copy_file(int from_dir, int to_dir, const char *name, struct cua_error *err)
{
	struct stat info;
	CUA_AUTO_FD int from = openat(from_dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (from < 0 || fstat(from, &info) != 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "%s", name);
	}
	CUA_AUTO_FD int to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	off_t left = info.st_size;
	while (to >= 0 && left > 0) {
		const ssize_t sent = sendfile(to, from, NULL, (size_t)left);
		if (sent <= 0) {
			return CUA_FAIL(err, CUA_ERR_IO, sent < 0 ? errno : EIO, "%s", name);
		}
		left -= sent;
	}
	return to >= 0 ? CUA_OK : CUA_FAIL(err, CUA_ERR_IO, errno, "%s", name);
}

static enum cua_status hide_events(const struct agent_redactor *redactor, const char *text,
		struct cua_buffer *hidden, struct cua_error *err)
{
	enum cua_status status = CUA_OK;
	for (const char *at = text; status == CUA_OK && *at;) {
		const size_t len = strcspn(at, "\n");
		CUA_AUTO_FREE char *line = hide_line(redactor, at, len);
		status = line ? cua_buffer_printf(hidden, err, "%s%s", line, at[len] ? "\n" : "")
			      : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "events");
		at += len + (at[len] != '\0');
	}
	return status;
}

/* Texts are looked through: a line of events, a report as a whole. */
static enum cua_status copy_text(const struct agent_redactor *redactor, int from_dir, int to_dir,
		const char *name, struct cua_error *err)
{
	char path[PATH_MAX];
	CUA_AUTO_BUFFER struct cua_buffer text;
	CUA_AUTO_BUFFER struct cua_buffer hidden;
	cua_buffer_init(&text, TEXT_MAX);
	cua_buffer_init(&hidden, TEXT_MAX);
	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", from_dir, name);
	enum cua_status status = cua_file_read(path, &text, err);
	if (status != CUA_OK || !agent_redact_finds(redactor, text.data, text.len)) {
		return status == CUA_OK ? copy_file(from_dir, to_dir, name, err) : status;
	}
	fprintf(stderr, "cua runs: %s holds a secret that was set after it; it is hidden\n", name);
	if (strncmp(name, "events.", 7) == 0) {
		status = hide_events(redactor, text.data, &hidden, err);
	} else {
		agent_redact(redactor, &text.data);
		status = cua_buffer_append(&hidden, text.data, strlen(text.data), err);
	}
	return status == CUA_OK ? cua_file_write_durable(to_dir, name, hidden.data, hidden.len, err)
				: status;
}

static bool is_text(const char *name)
{
	const char *dot = strrchr(name, '.');
	return strncmp(name, "events.", 7) == 0 || (dot && strcmp(dot, ".html") == 0);
}

/* Files alone; ballast and what is half written stay behind. */
static enum cua_status copy_files(const struct agent_redactor *redactor, int from_dir, int to_dir,
		struct cua_error *err)
{
	enum cua_status status = CUA_OK;
	int fd = dup(from_dir);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	if (!dir) {
		cua_closep(&fd);
		return CUA_FAIL(err, CUA_ERR_IO, errno, "folder of the run");
	}
	rewinddir(dir);
	for (const struct dirent *entry; status == CUA_OK && (entry = readdir(dir));) {
		struct stat info;
		if (entry->d_name[0] != '.' && strcmp(entry->d_name, "ballast") != 0 &&
				fstatat(from_dir, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
				S_ISREG(info.st_mode)) {
			status = is_text(entry->d_name)
					? copy_text(redactor, from_dir, to_dir, entry->d_name, err)
					: copy_file(from_dir, to_dir, entry->d_name, err);
		}
	}
	closedir(dir);
	return status;
}

static enum cua_status export_folder(const struct agent_redactor *redactor, int dir_fd,
		const char *path, struct cua_error *err)
{
	if (mkdir(path, 0700) != 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "%s", path);
	}
	CUA_AUTO_FD int to = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (to < 0 || mkdirat(to, "screenshots", 0700) != 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "%s", path);
	}
	CUA_AUTO_FD int from_pictures =
			openat(dir_fd, "screenshots", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CUA_AUTO_FD int to_pictures = openat(to, "screenshots", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum cua_status status = copy_files(redactor, dir_fd, to, err);
	return status == CUA_OK ? copy_files(redactor, from_pictures, to_pictures, err) : status;
}

/* --- one JSON file --- */

struct json_file {
	FILE *out;
	const struct agent_redactor *redactor;
	bool is_first;
};

static enum cua_status put_line(const char *line, size_t len, const struct agent_journal_scan *scan,
		void *user_data, struct cua_error *err)
{
	struct json_file *file = user_data;
	(void)scan;
	CUA_AUTO_FREE char *shown = hide_line(file->redactor, line, len - 1);
	if (!shown) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "event");
	}
	fprintf(file->out, "%s%s", file->is_first ? "" : ",\n", shown);
	file->is_first = false;
	return ferror(file->out) ? CUA_FAIL(err, CUA_ERR_IO, errno, "write") : CUA_OK;
}

static enum cua_status put_screenshot(
		FILE *out, const char *folder, const char *name, struct cua_error *err)
{
	char path[PATH_MAX + NAME_MAX + 2];
	CUA_AUTO_BUFFER struct cua_buffer png;
	cua_buffer_init(&png, SCREENSHOT_MAX);
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	enum cua_status status = cua_file_read(path, &png, err);
	if (status != CUA_OK) {
		return status;
	}
	const size_t size = sodium_base64_ENCODED_LEN(png.len, sodium_base64_VARIANT_ORIGINAL);
	CUA_AUTO_FREE char *base64 = malloc(size);
	if (!base64) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "screenshot");
	}
	sodium_bin2base64(base64, size, (const unsigned char *)png.data, png.len,
			sodium_base64_VARIANT_ORIGINAL);
	fprintf(out, "\"%.64s\":\"%s\"", name, base64);
	return CUA_OK;
}

static int is_screenshot(const struct dirent *entry)
{
	return strlen(entry->d_name) == 68 && strspn(entry->d_name, "0123456789abcdef") == 64;
}

static enum cua_status put_screenshots(FILE *out, const char *run_dir, struct cua_error *err)
{
	char folder[PATH_MAX];
	struct dirent **entries = NULL;
	enum cua_status status = CUA_OK;
	snprintf(folder, sizeof(folder), "%s/screenshots", run_dir);
	const int count = scandir(folder, &entries, is_screenshot, alphasort);
	if (count < 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "%s", folder);
	}
	for (int i = 0; i < count; i++) {
		if (status == CUA_OK) {
			fputs(i > 0 ? ",\n" : "", out);
			status = put_screenshot(out, folder, entries[i]->d_name, err);
		}
		free(entries[i]);
	}
	free(entries);
	return status;
}

static enum cua_status put_head(FILE *out, const char *run_dir, struct cua_error *err)
{
	char path[PATH_MAX];
	CUA_AUTO_BUFFER struct cua_buffer head;
	cua_buffer_init(&head, 4096);
	snprintf(path, sizeof(path), "%s/head.json", run_dir);
	enum cua_status status = cua_file_read(path, &head, err);
	if (status == CUA_ERR_NOT_FOUND) {
		fputs("null", out); /* nothing is signed yet */
		return CUA_OK;
	}
	fputs(head.data ? head.data : "null", out);
	return status;
}

/* Events stand in it byte for byte, so that their chain can be checked there, too; but for one that
 * holds a secret. */
static enum cua_status put_json(const struct agent_redactor *redactor, FILE *out, int dir_fd,
		const char *run_dir, struct cua_error *err)
{
	struct json_file file = { out, redactor, true };
	struct agent_journal_scan scan;
	fprintf(out, "{\"run\":\"%s\",\n\"head\":", strrchr(run_dir, '/') + 1);
	enum cua_status status = put_head(out, run_dir, err);
	fputs(",\n\"events\":[\n", out);
	if (status == CUA_OK) {
		status = agent_journal_scan(dir_fd, put_line, &file, &scan, err);
	}
	if (status == CUA_OK && scan.rest_len > 0 && !agent_journal_is_held(dir_fd)) {
		fprintf(stderr,
				"cua runs: %lld bytes after event %llu are torn or changed, and "
				"not "
				"exported\n",
				(long long)scan.rest_len, (unsigned long long)scan.seq);
	}
	fputs("\n],\n\"screenshots\":{\n", out);
	if (status == CUA_OK) {
		status = put_screenshots(out, run_dir, err);
	}
	fputs("\n}}\n", out);
	return status;
}

static enum cua_status export_json(const struct agent_redactor *redactor, int dir_fd,
		const char *run_dir, const char *path, struct cua_error *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (!out) {
		cua_closep(&fd);
		return CUA_FAIL(err, CUA_ERR_IO, errno, "%s", path);
	}
	enum cua_status status = put_json(redactor, out, dir_fd, run_dir, err);
	const bool is_written = fflush(out) == 0 && !ferror(out);
	if ((fclose(out) != 0 || !is_written) && status == CUA_OK) {
		status = CUA_FAIL(err, CUA_ERR_IO, errno, "%s", path);
	}
	if (status != CUA_OK) {
		unlink(path);
	}
	return status;
}

/* --- which --- */

struct request {
	const char *format, *output;
	int frame_ms;
};

static bool parse(int argc, char **argv, struct request *request)
{
	static const struct option options[] = { { "format", required_argument, NULL, 'f' },
		{ "output", required_argument, NULL, 'o' },
		{ "frame-ms", required_argument, NULL, 'm' }, { 0 } };
	for (int option; (option = getopt_long(argc, argv, "o:", options, NULL)) != -1;) {
		char *end = NULL;
		if (option == 'f') {
			request->format = optarg;
		} else if (option == 'o') {
			request->output = optarg;
		} else if (option == 'm') {
			const long value = strtol(optarg, &end, 10);
			request->frame_ms = *end || value < 10 || value > 60000 ? 0 : (int)value;
		} else {
			return false;
		}
	}
	return optind == argc - 1;
}

/* The format that the end of a path names; "folder" if none. */
static const char *format_of(const char *path)
{
	static const char *const formats[] = { "json", "webp", "mp4", "webm" };
	const char *dot = path ? strrchr(path, '.') : NULL;
	for (size_t i = 0; dot && i < CUA_ARRAY_LEN(formats); i++) {
		if (strcmp(dot + 1, formats[i]) == 0) {
			return formats[i];
		}
	}
	return "folder";
}

static enum cua_status export_run(const struct request *request,
		const struct agent_redactor *redactor, int dir_fd, const char *run_dir,
		const char *path, struct cua_error *err)
{
	if (strcmp(request->format, "json") == 0) {
		return export_json(redactor, dir_fd, run_dir, path, err);
	}
	if (strcmp(request->format, "webp") == 0) {
		return runs_write_webp(run_dir, path, request->frame_ms, err);
	}
	if (strcmp(request->format, "mp4") == 0 || strcmp(request->format, "webm") == 0) {
		return runs_write_video(run_dir, path, request->frame_ms, err);
	}
	if (strcmp(request->format, "folder") == 0) {
		return export_folder(redactor, dir_fd, path, err);
	}
	return CUA_FAIL(err, CUA_ERR_INVAL, 0,
			"format \"%s\" must be folder, json, webp, mp4 or webm", request->format);
}

int runs_export(int argc, char **argv)
{
	struct request request = { .frame_ms = DEFAULT_FRAME_MS };
	struct cua_error error = { 0 };
	char path[PATH_MAX];
	if (!parse(argc, argv, &request) || request.frame_ms == 0) {
		return cua_cmd_usage("runs",
				"export takes one run, --format, --output and --frame-ms (10 to "
				"60000)");
	}
	request.format = request.format ? request.format : format_of(request.output);
	CUA_AUTO_FREE char *run_dir = NULL;
	CUA_AUTO_FD int dir_fd = runs_open(argv[optind], &run_dir, &error);
	if (dir_fd < 0) {
		return cua_cmd_fail(&error);
	}
	if (request.output) {
		snprintf(path, sizeof(path), "%s", request.output);
	} else {
		const bool is_folder = strcmp(request.format, "folder") == 0;
		snprintf(path, sizeof(path), "%s%s%s", strrchr(run_dir, '/') + 1,
				is_folder ? "" : ".", is_folder ? "" : request.format);
	}
	RUNS_AUTO_REDACTOR struct agent_redactor *redactor = runs_open_redactor(&error);
	const enum cua_status status = redactor
			? export_run(&request, redactor, dir_fd, run_dir, path, &error)
			: error.status;
	if (status != CUA_OK) {
		return cua_cmd_fail(&error);
	}
	printf("%s\n", path);
	return CUA_EXIT_OK;
}
