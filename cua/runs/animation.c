/* The screenshots of a run as an animated picture or a video. */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <webp/encode.h>
#include <webp/mux.h>

#include "agent/event.h"
#include "agent/journal_read.h"
#include "cua/base/file.h"
#include "cua/base/json.h"
#include "cua/base/process.h"
#include "cua/base/util.h"
#include "cua/runs/runs.h"

/* --- which screenshots, in which order --- */

struct frames {
	char (*sha256)[65]; /* owned; each other than the one before it */
	size_t count;
};

static bool add_frame(struct frames *frames, const cJSON *event)
{
	const char *sha256 = cua_json_text(event, "screenshot");
	if (!agent_event_is_sha256(sha256) ||
			(frames->count > 0 &&
					strcmp(frames->sha256[frames->count - 1], sha256) == 0)) {
		return true;
	}
	void *grown = reallocarray(frames->sha256, frames->count + 1, sizeof(*frames->sha256));
	if (!grown) {
		return false;
	}
	frames->sha256 = grown;
	strcpy(frames->sha256[frames->count++], sha256);
	return true;
}

static enum cua_status read_frames(
		const char *run_dir, struct frames *frames, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *events = NULL;
	const cJSON *event = NULL;
	CUA_AUTO_FD int dir_fd = open(run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum cua_status status = agent_journal_events(dir_fd, &events, err);
	cJSON_ArrayForEach (event, events) {
		if (!add_frame(frames, event)) {
			return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "frames");
		}
	}
	if (status == CUA_OK && frames->count == 0) {
		return CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0, "the run has no screenshots");
	}
	return status;
}

static void frame_path(const char *run_dir, const char *sha256, char *path)
{
	snprintf(path, PATH_MAX, "%s/screenshots/%s.png", run_dir, sha256);
}

/* --- WebP --- */

/* A screen whose size was changed is shown in the frame of the first, from the top left. */
static enum cua_status add_picture(WebPAnimEncoder *encoder, const struct runs_picture *picture,
		int width, int height, int timestamp_ms, struct cua_error *err)
{
	WebPConfig config;
	WebPPicture frame;
	if (!WebPConfigInit(&config) || !WebPPictureInit(&frame)) {
		return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0, "libwebp is of another version");
	}
	config.quality = 80;
	config.method = 2; /* a third of the time of the usual 4, a tenth larger */
	config.thread_level = 1;
	frame.use_argb = 1;
	frame.width = width;
	frame.height = height;
	bool is_well = WebPPictureAlloc(&frame);
	for (int y = 0; is_well && y < height; y++) {
		for (int x = 0; x < width; x++) {
			const uint8_t *from = picture->rgba +
					4 * ((size_t)y * (size_t)picture->width + (size_t)x);
			frame.argb[y * frame.argb_stride + x] =
					x >= picture->width || y >= picture->height
					? 0xff000000U
					: 0xff000000U | (uint32_t)from[0] << 16 |
							(uint32_t)from[1] << 8 | from[2];
		}
	}
	is_well = is_well && WebPAnimEncoderAdd(encoder, &frame, timestamp_ms, &config);
	WebPPictureFree(&frame);
	return is_well ? CUA_OK
		       : CUA_FAIL(err, CUA_ERR_IO, 0, "WebP: %s", WebPAnimEncoderGetError(encoder));
}

static enum cua_status encode(const char *run_dir, const struct frames *frames, int frame_ms,
		WebPData *ret_data, struct cua_error *err)
{
	WebPAnimEncoderOptions options;
	WebPAnimEncoder *encoder = NULL;
	enum cua_status status = CUA_OK;
	int width = 0, height = 0;
	if (!WebPAnimEncoderOptionsInit(&options)) {
		return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0, "libwebpmux is of another version");
	}
	for (size_t i = 0; status == CUA_OK && i < frames->count; i++) {
		char path[PATH_MAX];
		struct runs_picture picture = { 0 };
		frame_path(run_dir, frames->sha256[i], path);
		status = runs_picture_read(path, &picture, err);
		if (status == CUA_OK && !encoder) {
			width = picture.width;
			height = picture.height;
			encoder = WebPAnimEncoderNew(width, height, &options);
			status = encoder ? CUA_OK : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "WebP");
		}
		if (status == CUA_OK) {
			status = add_picture(
					encoder, &picture, width, height, (int)i * frame_ms, err);
		}
		runs_picture_finish(&picture);
	}
	if (status == CUA_OK &&
			(!WebPAnimEncoderAdd(encoder, NULL, (int)frames->count * frame_ms, NULL) ||
					!WebPAnimEncoderAssemble(encoder, ret_data))) {
		status = CUA_FAIL(err, CUA_ERR_IO, 0, "WebP: %s", WebPAnimEncoderGetError(encoder));
	}
	WebPAnimEncoderDelete(encoder);
	return status;
}

enum cua_status runs_write_webp(
		const char *run_dir, const char *path, int frame_ms, struct cua_error *err)
{
	struct frames frames = { 0 };
	WebPData data;
	WebPDataInit(&data);
	enum cua_status status = read_frames(run_dir, &frames, err);
	if (status == CUA_OK) {
		status = encode(run_dir, &frames, frame_ms, &data, err);
	}
	if (status == CUA_OK) {
		status = cua_file_write(path, data.bytes, data.size, 0600, err);
	}
	WebPDataClear(&data);
	free(frames.sha256);
	return status;
}

/* --- video --- */

/* What ffmpeg's concat demuxer reads: the last picture stands twice, or its time would not count.
 */
static int write_list(const char *run_dir, const struct frames *frames, int frame_ms)
{
	int fd = memfd_create("frames", 0);
	FILE *list = fd >= 0 ? fdopen(dup(fd), "w") : NULL;
	char path[PATH_MAX];
	if (!list) {
		cua_closep(&fd);
		return -1;
	}
	for (size_t i = 0; i < frames->count; i++) {
		frame_path(run_dir, frames->sha256[i], path);
		fprintf(list, "file 'file:%s'\nduration %.3f\n", path, frame_ms / 1000.0);
	}
	fprintf(list, "file 'file:%s'\n", path);
	fclose(list);
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static enum cua_status run_ffmpeg(int list_fd, const char *path, struct cua_error *err)
{
	const char *const argv[] = { "ffmpeg", "-nostdin", "-loglevel", "error", "-y", "-f",
		"concat", "-safe", "0", "-protocol_whitelist", "file,pipe,fd", "-i", "pipe:0",
		/* Encoders want even sizes, players this format. */
		"-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2,format=yuv420p", "-r", "25", path, NULL };
	const struct cua_fd_map fds[] = { { list_fd, 0 } };
	const struct cua_spawn spawn = {
		.argv = argv, .exec_fd = -1, .fds = fds, .fd_count = 1, .uid = (uid_t)-1
	};
	pid_t pid = 0;
	int status = 0;
	const mode_t others = umask(077); /* a video of screenshots is its owner's, as they are */
	enum cua_status spawned = cua_spawn(&spawn, &pid, err);
	umask(others);
	if (spawned == CUA_ERR_NOT_FOUND) {
		return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0,
				"a video needs ffmpeg, which is not installed; --format=webp needs "
				"nothing");
	}
	if (spawned != CUA_OK) {
		return spawned;
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
	}
	return WIFEXITED(status) && WEXITSTATUS(status) == 0
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_APP, 0, "ffmpeg could not write %s", path);
}

enum cua_status runs_write_video(
		const char *run_dir, const char *path, int frame_ms, struct cua_error *err)
{
	struct frames frames = { 0 };
	enum cua_status status = read_frames(run_dir, &frames, err);
	CUA_AUTO_FD int list_fd = status == CUA_OK ? write_list(run_dir, &frames, frame_ms) : -1;
	if (status == CUA_OK && list_fd < 0) {
		status = CUA_FAIL(err, CUA_ERR_IO, errno, "list of frames");
	}
	if (status == CUA_OK) {
		status = run_ffmpeg(list_fd, path, err);
	}
	free(frames.sha256);
	return status;
}
