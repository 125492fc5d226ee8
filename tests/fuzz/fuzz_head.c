/* The head of a request: the same comes of it whole and in pieces, and of what is good at its end
 * each piece is. The first byte says how it is cut. */
#include <string.h>

#include "cua/base/http_check.h"
#include "tests/fuzz/fuzz.h"

#define HEAD_MAX 16384

/* The last that was said, and how much of the head there was by then. */
struct outcome {
	enum http_check_result result;
	struct http_refusal refusal;
	size_t len;
	bool so_far; /* each piece but the last was good */
};

static struct outcome check_in_pieces(
		struct http_check *check, const char *bytes, size_t len, size_t piece_len)
{
	char head[HEAD_MAX + 1];
	struct outcome outcome = { .result = HTTP_CHECK_MORE, .so_far = true };
	http_check_begin(check);
	while (outcome.len < len && outcome.result == HTTP_CHECK_MORE) {
		const size_t left = len - outcome.len;
		outcome.len += left < piece_len ? left : piece_len;
		memcpy(head, bytes, outcome.len);
		head[outcome.len] = '\0';
		outcome.result = http_check_more(check, head, outcome.len, &outcome.refusal);
		outcome.so_far = outcome.so_far &&
				(outcome.result != HTTP_CHECK_MORE ||
						http_check_so_far(head, &outcome.refusal));
	}
	return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_check *check = http_check_create();
	const char *bytes = (const char *)data + 1;
	FUZZ_CHECK(check);
	if (size > 1 && size <= HEAD_MAX) {
		const size_t len = size - 1;
		const struct outcome whole = check_in_pieces(check, bytes, len, len);
		const struct outcome cut = check_in_pieces(check, bytes, len, 1 + data[0] % 16);
		FUZZ_CHECK(whole.result == cut.result);
		FUZZ_CHECK(cut.so_far || whole.result != HTTP_CHECK_WHOLE);
		if (whole.result == HTTP_CHECK_BAD) {
			const int status = whole.refusal.http_status;
			FUZZ_CHECK(status == 400 || status == 414 || status == 431 ||
					status == 501 || status == 505);
			FUZZ_CHECK(whole.refusal.why && cut.refusal.why);
		}
	}
	http_check_destroy(check);
	return 0;
}
