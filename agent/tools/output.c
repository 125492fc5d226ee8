#include "agent/tools/output.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define READS_MAX 16

void tool_output_add(struct tool_output *output, const char *bytes, size_t len)
{
	if (output->total < TOOL_OUTPUT_HEAD) {
		const size_t left = TOOL_OUTPUT_HEAD - (size_t)output->total;
		const size_t part = len < left ? len : left;
		memcpy(output->head + output->total, bytes, part);
		output->total += part;
		bytes += part;
		len -= part;
	}
	if (len > TOOL_OUTPUT_TAIL) {
		output->total += len - TOOL_OUTPUT_TAIL;
		bytes += len - TOOL_OUTPUT_TAIL;
		len = TOOL_OUTPUT_TAIL;
	}
	for (size_t i = 0; i < len; i++) {
		output->tail[(output->total++ - TOOL_OUTPUT_HEAD) % TOOL_OUTPUT_TAIL] = bytes[i];
	}
}

bool tool_output_read(struct tool_output *output, int fd)
{
	char part[65536];
	/* Who writes without end must not keep the caller from its clock. */
	for (int i = 0; i < READS_MAX; i++) {
		const ssize_t got = read(fd, part, sizeof(part));
		if (got > 0) {
			tool_output_add(output, part, (size_t)got);
		} else if (got == 0) {
			return false;
		} else if (errno != EINTR) {
			return errno == EAGAIN;
		}
	}
	return true;
}

enum cua_status tool_output_tell(
		const struct tool_output *output, struct cua_buffer *text, struct cua_error *err)
{
	const uint64_t total = output->total;
	const size_t head = total < TOOL_OUTPUT_HEAD ? (size_t)total : TOOL_OUTPUT_HEAD;
	const uint64_t rest = total - head;
	const size_t tail = rest < TOOL_OUTPUT_TAIL ? (size_t)rest : TOOL_OUTPUT_TAIL;
	enum cua_status status = cua_buffer_append(text, output->head, head, err);
	if (status == CUA_OK && rest > tail) {
		status = cua_buffer_printf(text, err, "\n[... %llu bytes left out ...]\n",
				(unsigned long long)(rest - tail));
	}
	const size_t first = (size_t)((rest - tail) % TOOL_OUTPUT_TAIL);
	const size_t part = first + tail <= TOOL_OUTPUT_TAIL ? tail : TOOL_OUTPUT_TAIL - first;
	if (status == CUA_OK) {
		status = cua_buffer_append(text, output->tail + first, part, err);
	}
	return status == CUA_OK ? cua_buffer_append(text, output->tail, tail - part, err) : status;
}
