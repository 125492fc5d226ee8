#include "agent/model/retry.h"

#include <curl/curl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HEADER_DELAY_MAX_MS 60000.0

static bool is_set(const char *text)
{
	return text && text[0];
}

bool agent_retry_wanted(const struct agent_retry_facts *facts)
{
	/* A 429 about money does not pass by waiting, whatever the headers say. */
	if (is_set(facts->error_code) && strcmp(facts->error_code, "insufficient_quota") == 0) {
		return false;
	}
	if (is_set(facts->should_retry)) {
		if (strcasecmp(facts->should_retry, "true") == 0) {
			return true;
		}
		if (strcasecmp(facts->should_retry, "false") == 0) {
			return false;
		}
	}
	long code = facts->http_status;
	return code == 0 || code == 408 || code == 409 || code == 429 ||
			(code >= 500 && code <= 599);
}

static double number_of(const char *text)
{
	if (!is_set(text)) {
		return -1;
	}
	char *end = NULL;
	double value = strtod(text, &end);
	return end != text && *end == '\0' && isfinite(value) ? value : -1;
}

/* -1 if no header gives a delay. */
static double header_delay_ms(const struct agent_retry_facts *facts, time_t now)
{
	double delay_ms = number_of(facts->retry_after_ms);
	if (delay_ms >= 0) {
		return delay_ms;
	}
	double delay_s = number_of(facts->retry_after);
	if (delay_s >= 0) {
		return delay_s * 1000.0;
	}
	time_t date = is_set(facts->retry_after) ? curl_getdate(facts->retry_after, NULL) : -1;
	return date < 0 ? -1 : difftime(date, now) * 1000.0;
}

double agent_retry_delay_ms(
		const struct agent_retry_facts *facts, int attempt, double random01, time_t now)
{
	double delay_ms = header_delay_ms(facts, now);
	if (delay_ms > 0 && delay_ms <= HEADER_DELAY_MAX_MS) {
		return delay_ms;
	}
	double backoff_ms = attempt < 4 ? 500.0 * (double)(1 << attempt) : 8000.0;
	return backoff_ms * (0.75 + 0.25 * random01);
}
