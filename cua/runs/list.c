/* cua runs list, show, report, verify, delete */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/event.h"
#include "agent/journal_read.h"
#include "agent/report.h"
#include "agent/run_print.h"
#include "agent/runs.h"
#include "cua/base/util.h"
#include "cua/cmd.h"
#include "cua/contract/text.h"
#include "cua/runs/runs.h"

#define TASK_SHOWN 60

int runs_open(const char *id, char **ret_path, struct cua_error *err)
{
	if (agent_runs_find(id, ret_path, err) != CUA_OK) {
		return -1;
	}
	const int fd = open(*ret_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		cua_error_set(err, CUA_ERR_IO, errno, "%s", *ret_path);
	}
	return fd;
}

/* --- list --- */

static void print_money(double cost_usd)
{
	if (cost_usd < 0) {
		printf("  %9s", "-");
	} else {
		printf("  %9.4f", cost_usd);
	}
}

static void print_row(const struct agent_run_summary *run)
{
	printf("%-29s  %-13s  %5d  ", run->id, run->state, run->steps);
	if (run->ms > 0) {
		printf("%8.1f", run->ms / 1000.0);
	} else {
		printf("%8s", "-");
	}
	print_money(run->cost_usd);
	fputs("  ", stdout);
	cua_text_line(stdout, run->model, 24);
	fputs("  ", stdout);
	cua_text_line(stdout, run->task, TASK_SHOWN);
	putchar('\n');
}

static void print_rows_json(const struct agent_run_summary *runs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		CUA_AUTO_JSON cJSON *json = agent_run_summary_json(&runs[i]);
		CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(json);
		printf("%s\n", text ? text : "{}");
	}
}

int runs_list(int argc, char **argv)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' }, { 0 } };
	struct agent_run_summary *runs = NULL;
	struct cua_error error = { 0 };
	bool as_json = false;
	size_t count = 0;
	for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (option != 'j') {
			return cua_cmd_usage("runs", "wrong option for list");
		}
		as_json = true;
	}
	if (optind < argc) {
		return cua_cmd_usage("runs", "list takes no argument \"%s\"", argv[optind]);
	}
	RUNS_AUTO_REDACTOR struct agent_redactor *redactor = runs_open_redactor(&error);
	if (!redactor || agent_runs_list(&runs, &count, &error) != CUA_OK) {
		return cua_cmd_fail(&error);
	}
	for (size_t i = 0; i < count; i++) {
		agent_redact(redactor, &runs[i].task);
	}
	if (as_json) {
		print_rows_json(runs, count);
	} else {
		printf("%-29s  %-13s  %5s  %8s  %9s  %s\n", "RUN", "STATE", "STEPS", "SECONDS",
				"USD", "MODEL  TASK");
		for (size_t i = 0; i < count; i++) {
			print_row(&runs[i]);
		}
	}
	agent_runs_free(runs, count);
	return CUA_EXIT_OK;
}

/* --- show --- */

static void print_run(const struct agent_run_summary *run, const cJSON *events, bool as_json)
{
	struct agent_printer printer;
	const cJSON *event = NULL, *last = NULL;
	agent_printer_init(&printer, stdout, as_json);
	if (!as_json) {
		cua_text_block(stdout, run->task);
		putchar('\n');
	}
	cJSON_ArrayForEach (event, events) {
		agent_print_event(&printer, event);
		last = event;
	}
	if (!as_json && agent_event_is(last, "run_end")) {
		agent_print_end(&printer, last, run->path, stdout);
	} else if (!as_json) {
		printf("%s%s: %d steps, %d actions, %.1f s\n%s\n", printer.in_line ? "\n" : "",
				run->state, run->steps, run->actions, run->ms / 1000.0, run->path);
	}
	agent_printer_finish(&printer);
}

int runs_show(int argc, char **argv)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' }, { 0 } };
	struct cua_error error = { 0 };
	bool as_json = false;
	for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (option != 'j') {
			return cua_cmd_usage("runs", "wrong option for show");
		}
		as_json = true;
	}
	if (optind != argc - 1) {
		return cua_cmd_usage("runs", "show takes one run");
	}
	CUA_AUTO_FREE char *path = NULL;
	CUA_AUTO_JSON cJSON *events = NULL;
	struct agent_run_summary run;
	RUNS_AUTO_REDACTOR struct agent_redactor *redactor = runs_open_redactor(&error);
	CUA_AUTO_FD int dir_fd = redactor ? runs_open(argv[optind], &path, &error) : -1;
	if (dir_fd < 0 || agent_journal_events(dir_fd, &events, &error) != CUA_OK ||
			agent_run_summarise(path, &run, &error) != CUA_OK) {
		return cua_cmd_fail(&error);
	}
	agent_redact_json(redactor, events);
	agent_redact(redactor, &run.task);
	print_run(&run, events, as_json);
	agent_run_summary_finish(&run);
	return CUA_EXIT_OK;
}

/* --- report, verify --- */

int runs_report(int argc, char **argv)
{
	struct cua_error error = { 0 };
	if (argc != 2) {
		return cua_cmd_usage("runs", "report takes one run");
	}
	CUA_AUTO_FREE char *path = NULL;
	RUNS_AUTO_REDACTOR struct agent_redactor *redactor = runs_open_redactor(&error);
	CUA_AUTO_FD int dir_fd = redactor ? runs_open(argv[1], &path, &error) : -1;
	if (dir_fd < 0 || agent_report_write(dir_fd, redactor, &error) != CUA_OK) {
		return cua_cmd_fail(&error);
	}
	printf("%s/report.html\n", path);
	return CUA_EXIT_OK;
}

static bool verify_one(const char *id, const char *head_path)
{
	struct agent_journal_verdict verdict;
	struct cua_error error = { 0 };
	CUA_AUTO_FREE char *path = NULL;
	CUA_AUTO_FD int dir_fd = runs_open(id, &path, &error);
	if (dir_fd < 0 ||
			agent_journal_verify(dir_fd, strrchr(path, '/') + 1, head_path, &verdict,
					&error) != CUA_OK) {
		fprintf(stderr, "%s: %s\n", path ? strrchr(path, '/') + 1 : id, error.msg);
		return false;
	}
	printf("%s: as it was written: %llu events, %llu screenshots; ", strrchr(path, '/') + 1,
			(unsigned long long)verdict.events,
			(unsigned long long)verdict.screenshots);
	if (verdict.signed_seq == 0) {
		printf("nothing is signed yet\n");
	} else {
		printf("%llu events signed by %s (%s)\n", (unsigned long long)verdict.signed_seq,
				verdict.key,
				verdict.is_own_key ? "the key of this machine"
						   : "not the key of this machine");
	}
	return true;
}

int runs_verify(int argc, char **argv)
{
	static const struct option options[] = { { "head", required_argument, NULL, 'h' }, { 0 } };
	const char *head_path = NULL;
	bool is_whole = true;
	for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (option != 'h') {
			return cua_cmd_usage("runs", "wrong option for verify");
		}
		head_path = optarg;
	}
	if (optind >= argc || (head_path && optind != argc - 1)) {
		return cua_cmd_usage("runs", "verify takes runs; with --head, one");
	}
	for (int i = optind; i < argc; i++) {
		is_whole = verify_one(argv[i], head_path) && is_whole;
	}
	return is_whole ? CUA_EXIT_OK : CUA_EXIT_FAILED;
}

/* --- delete --- */

struct retention {
	int64_t older_than_s, max_bytes; /* -1: whatever it is */
	long keep;                       /* -1: all */
};

/* A number and a unit of the list "d:86400 h:3600"; -1 if it is none. */
static int64_t parse_amount(const char *text, const char *letters, const int64_t *factors)
{
	char *end = NULL;
	errno = 0;
	const long long value = strtoll(text, &end, 10);
	const char *unit = *end ? strchr(letters, *end) : NULL;
	if (errno != 0 || end == text || value < 0 || value > 1000000000 || !unit || end[1]) {
		return -1;
	}
	return value * factors[unit - letters];
}

static int64_t parse_age(const char *text)
{
	static const int64_t factors[] = { 86400, 3600, 60 };
	return parse_amount(text, "dhm", factors);
}

static int64_t parse_size(const char *text)
{
	static const int64_t factors[] = { 1 << 10, 1 << 20, 1 << 30 };
	return parse_amount(text, "KMG", factors);
}

static bool delete_run(const char *path)
{
	struct cua_error error = { 0 };
	if (agent_run_delete(path, &error) != CUA_OK) {
		fprintf(stderr, "cua runs: %s\n", error.msg);
		return false;
	}
	printf("%s\n", strrchr(path, '/') + 1);
	return true;
}

static bool delete_named(const char *id)
{
	struct cua_error error = { 0 };
	CUA_AUTO_FREE char *path = NULL;
	if (agent_runs_find(id, &path, &error) != CUA_OK) {
		fprintf(stderr, "cua runs: %s\n", error.msg);
		return false;
	}
	return delete_run(path);
}

/* The newest count first for as long as they fit; what does not is deleted, and so is what is old.
 * Runs that go on are left alone. */
static int delete_by_rule(const struct retention *rule)
{
	struct agent_run_summary *runs = NULL;
	struct cua_error error = { 0 };
	size_t count = 0;
	int64_t kept_bytes = 0;
	long kept = 0;
	bool is_well = true;
	if (agent_runs_list(&runs, &count, &error) != CUA_OK) {
		return cua_cmd_fail(&error);
	}
	const int64_t now_s = time(NULL);
	for (size_t i = count; i-- > 0;) {
		const struct agent_run_summary *run = &runs[i];
		const bool is_too_many = (rule->keep >= 0 && kept >= rule->keep) ||
				(rule->max_bytes >= 0 && kept_bytes + run->bytes > rule->max_bytes);
		const bool is_old = rule->older_than_s >= 0 &&
				now_s - run->changed_s > rule->older_than_s;
		if (strcmp(run->state, "running") != 0 && (is_too_many || is_old)) {
			is_well = delete_run(run->path) && is_well;
		} else {
			kept++;
			kept_bytes += run->bytes;
		}
	}
	agent_runs_free(runs, count);
	return is_well ? CUA_EXIT_OK : CUA_EXIT_FAILED;
}

int runs_delete(int argc, char **argv)
{
	static const struct option options[] = { { "older-than", required_argument, NULL, 'o' },
		{ "keep", required_argument, NULL, 'k' },
		{ "max-size", required_argument, NULL, 's' }, { 0 } };
	struct retention rule = { -1, -1, -1 };
	bool has_rule = false, is_well = true;
	for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		char *end = NULL;
		has_rule = true;
		if (option == 'o' && (rule.older_than_s = parse_age(optarg)) < 0) {
			return cua_cmd_usage("runs", "older-than \"%s\" must be like 30d, 12h, 5m",
					optarg);
		} else if (option == 's' && (rule.max_bytes = parse_size(optarg)) < 0) {
			return cua_cmd_usage(
					"runs", "max-size \"%s\" must be like 10G, 500M", optarg);
		} else if (option == 'k' &&
				((rule.keep = strtol(optarg, &end, 10)) < 0 || end == optarg ||
						*end)) {
			return cua_cmd_usage("runs", "keep \"%s\" must be a number", optarg);
		} else if (option == '?') {
			return cua_cmd_usage("runs", "wrong option for delete");
		}
	}
	if (has_rule == (optind < argc)) {
		return cua_cmd_usage("runs", "delete takes runs, or rules, and one of them");
	}
	for (int i = optind; i < argc; i++) {
		is_well = delete_named(argv[i]) && is_well;
	}
	if (has_rule) {
		return delete_by_rule(&rule);
	}
	return is_well ? CUA_EXIT_OK : CUA_EXIT_FAILED;
}
