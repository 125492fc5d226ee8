#include "cua/run_person.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <termios.h>
#include <unistd.h>

#include "cua/base/util.h"
#include "cua/contract/text.h"

#define LINE_MAX_LEN 4096

bool run_person_is_there(const struct run_person *person)
{
	return person->has_terminal || person->is_attended;
}

/* --- waiting --- */

/* To be said beside a question. */
static int seconds_until(uint64_t expires_us)
{
	return (cua_ms_until(expires_us) + 999) / 1000;
}

/* A line of the terminal, without its break; "" at the end of input. The caller frees it. */
static char *read_line(void)
{
	char line[LINE_MAX_LEN];
	const ssize_t len = read(STDIN_FILENO, line, sizeof(line) - 1);
	line[len > 0 ? len : 0] = '\0';
	line[strcspn(line, "\r\n")] = '\0';
	return strdup(line);
}

/* The first answer, from wherever it comes, which the caller frees; "" when the run is to end.
 * NULL, which is told: nobody answered in time, or somebody interrupts the run instead, where that
 * may be. question: taken over. */
static char *await_answer(
		struct run_person *person, cJSON *question, uint64_t expires_us, bool may_interrupt)
{
	if (expires_us != UINT64_MAX) {
		cJSON_AddNumberToObject(question, "expires_in_s", seconds_until(expires_us));
	}
	run_api_ask(person->api, question);
	struct pollfd fds[] = { { .fd = person->stop_fd, .events = POLLIN },
		{ .fd = run_api_answer_fd(person->api), .events = POLLIN },
		{ .fd = person->has_terminal ? STDIN_FILENO : -1, .events = POLLIN },
		{ .fd = may_interrupt ? run_api_interrupt_fd(person->api) : -1,
				.events = POLLIN } };
	int ready = 0;
	do {
		ready = poll(fds, CUA_ARRAY_LEN(fds), cua_ms_until(expires_us));
	} while ((ready == 0 || (ready < 0 && errno == EINTR)) && cua_now_us() < expires_us);
	char *answer = run_api_answer(person->api);
	if (answer && person->has_terminal) {
		fputs("\nAnswered from elsewhere: ", stderr);
		cua_text_line(stderr, answer, 0);
		fputc('\n', stderr);
	}
	if (answer || (ready > 0 && fds[0].revents)) {
		return answer ? answer : strdup("");
	}
	if (ready > 0 && fds[3].revents) {
		fputs("\nInterrupted.\n", stderr);
		return NULL;
	}
	if (ready > 0) {
		return read_line();
	}
	fputs("\nNobody answered in time.\n", stderr);
	return NULL;
}

/* --- consent --- */

static void print_checks(const cJSON *checks)
{
	const cJSON *check = NULL;
	cJSON_ArrayForEach (check, checks) {
		const char *code = cJSON_GetStringValue(
				cJSON_GetObjectItemCaseSensitive(check, "code"));
		const char *message = cJSON_GetStringValue(
				cJSON_GetObjectItemCaseSensitive(check, "message"));
		fputs("  ", stderr);
		cua_text_line(stderr, message ? message : "(no message)", 0);
		if (code) {
			fputs(" [", stderr);
			cua_text_line(stderr, code, 80);
			fputc(']', stderr);
		}
		fputc('\n', stderr);
	}
}

static void print_field(const char *name, const char *text)
{
	fprintf(stderr, "  %-8s ", name);
	cua_text_line(stderr, text, 0);
	fputc('\n', stderr);
}

static void print_question(const struct cua_agent_question *question)
{
	fputs(question->checks ? "\nThe model's provider asks for consent before it goes on:\n"
			       : "\nMay the agent do this?\n",
			stderr);
	print_checks(question->checks);
	print_field("what", question->words);
	if (!question->checks) {
		print_field("why", question->reason);
		print_field("class", question->risk);
		print_field("rule", question->rule);
	}
	if (question->note[0]) {
		print_field("note", question->note);
	}
	if (question->picture) {
		print_field("picture", question->picture);
	}
	fprintf(stderr, "Once, and on this screen; within %d s. [y/N] ",
			seconds_until(question->expires_us));
}

static cJSON *describe(const struct cua_agent_question *question)
{
	cJSON *json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "kind", "approval");
	cJSON_AddStringToObject(json, "words", question->words);
	cJSON_AddStringToObject(json, "reason", question->reason);
	cJSON_AddStringToObject(json, "class", question->risk);
	cJSON_AddStringToObject(json, "rule", question->rule);
	cJSON_AddStringToObject(json, "note", question->note);
	if (question->picture) {
		cJSON_AddStringToObject(json, "picture", question->picture);
	}
	if (question->checks) {
		cJSON_AddItemToObject(json, "checks", cJSON_Duplicate(question->checks, true));
	}
	return json;
}

/* What was typed before is no answer to what is asked now. */
static void forget_typed(const struct run_person *person)
{
	if (person->has_terminal) {
		tcflush(STDIN_FILENO, TCIFLUSH);
	}
}

/* Only y or yes is a yes. */
enum cua_agent_consent run_person_approve(
		struct run_person *person, const struct cua_agent_question *question)
{
	forget_typed(person);
	if (person->has_terminal) {
		print_question(question);
	}
	CUA_AUTO_FREE char *answer = await_answer(
			person, describe(question), question->expires_us, !question->checks);
	if (!answer) {
		return CUA_AGENT_CONSENT_NONE;
	}
	return strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0
			? CUA_AGENT_CONSENT_YES
			: CUA_AGENT_CONSENT_NO;
}

/* --- questions --- */

char *run_person_ask(struct run_person *person, const char *who, const char *question,
		uint64_t expires_us)
{
	cJSON *json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "kind", "question");
	cJSON_AddStringToObject(json, "who", who);
	cJSON_AddStringToObject(json, "words", question);
	forget_typed(person);
	if (person->has_terminal) {
		fputc('\n', stderr);
		cua_text_line(stderr, who, 0);
		fputs(" asks: ", stderr);
		cua_text_line(stderr, question, 0);
		fputs("\nYour answer (an empty line: none", stderr);
		if (expires_us != UINT64_MAX) {
			fprintf(stderr, "; within %d s", seconds_until(expires_us));
		}
		fputs("): ", stderr);
	}
	char *answer = await_answer(person, json, expires_us, true);
	if (answer && !answer[0]) {
		free(CUA_STEAL(answer));
	}
	return answer;
}
