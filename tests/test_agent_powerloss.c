/* Power loss: a writer of a journal runs with disk_recorder.c preloaded. From what it did to files,
 * and what it had synced, the states are made that a disk may be in after the power went; each is
 * opened, checked and written on. $CUA_TEST_POWERLOSS_STATES of them, 1500 if it is not set;
 * $CUA_TEST_POWERLOSS_SEED draws others.
 *
 * The model of the disk is POSIX's: what was not synced may be there or not, a file's data apart
 * from its name, in sectors of 512 bytes. Controls show that the test sees what it is to see. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/journal.h"
#include "agent/journal_read.h"
#include "cua/base/file.h"
#include "cua/base/util.h"
#include "tests/disk_trace.h"

#define SECTOR 512
#define FILES_MAX 64
#define NAMES_MAX 32
#define EVENTS 61 /* that the writer appends, before the end */

/* Linked in place of the C library's: how full a disk is is not the question here, and the room
 * that a journal sets aside would take longer than all the rest. */
int __wrap_fallocate(int fd, int mode, off_t offset, off_t len);
int __wrap_fallocate(int fd, int mode, off_t offset, off_t len)
{
	(void)fd, (void)mode, (void)offset, (void)len;
	errno = EOPNOTSUPP;
	return -1;
}

/* --- the writer, a process of its own --- */

static bool acknowledge(const struct agent_journal *journal)
{
	const uint64_t seq = journal->seq;
	return write(DISK_ACK_FD, &seq, sizeof(seq)) == sizeof(seq);
}

/* Another picture for each number, as far as a journal can tell. */
static bool file_picture(struct agent_journal *journal, int number, char *sha256)
{
	unsigned char bytes[1500], hash[crypto_hash_sha256_BYTES];
	memset(bytes, number, sizeof(bytes));
	crypto_hash_sha256(hash, bytes, sizeof(bytes));
	sodium_bin2hex(sha256, 65, hash, sizeof(hash));
	return agent_journal_screenshot(journal, sha256, bytes, sizeof(bytes), NULL) == CUA_OK;
}

/* As a run does while its model thinks. */
static bool sync_aside(struct agent_journal *journal)
{
	return agent_journal_sync_begin(journal, NULL) == CUA_OK &&
			agent_journal_sync_end(journal, NULL) == CUA_OK;
}

/* Events as a run writes them: most wait for the next intent, which is synced, or for the next
 * turn, before which all is. */
static bool write_events(struct agent_journal *journal)
{
	for (int i = 0; i < EVENTS; i++) {
		const bool is_intent = i % 3 == 0, is_turn = i % 12 == 8, shows = i % 4 == 1;
		char sha256[65], text[900];
		memset(text, 'a' + i % 26, sizeof(text));
		text[(i * 331) % (int)sizeof(text)] = '\0';
		if ((is_turn && !sync_aside(journal)) ||
				(shows && !file_picture(journal, i, sha256))) {
			return false;
		}
		cJSON *event = cJSON_CreateObject();
		cJSON_AddStringToObject(event, "type",
				is_intent                 ? "intent"
						: is_turn ? "turn"
							  : "note");
		cJSON_AddStringToObject(event, "text", text);
		if (shows) {
			cJSON_AddStringToObject(event, "screenshot", sha256);
		}
		if (agent_journal_append(journal, event, is_intent, NULL) != CUA_OK ||
				(is_intent && !acknowledge(journal)) ||
				(i % 10 == 9 && agent_journal_sign(journal, NULL) != CUA_OK)) {
			return false;
		}
	}
	return true;
}

static int writer(const char *runs_dir)
{
	struct agent_journal journal;
	if (sodium_init() < 0 || agent_journal_create(&journal, runs_dir, NULL, NULL) != CUA_OK) {
		return 3;
	}
	journal.space_wait_s = 0;
	bool is_well = write_events(&journal);
	cJSON *end = cJSON_CreateObject();
	cJSON_AddStringToObject(end, "type", "run_end");
	if (agent_journal_end(&journal, end, NULL) != CUA_OK || !is_well) {
		return 3;
	}
	is_well = acknowledge(&journal);
	agent_journal_finish(&journal);
	return is_well ? 0 : 3;
}

/* --- what it did --- */

struct step {
	struct disk_record record;
	const unsigned char *data; /* in trace.data */
};

struct fixture {
	char dir[64], runs[80], scratch[80];
	struct cua_buffer trace;
	struct step *steps; /* owned */
	size_t count;
	uint64_t runs_ino, events_ino, screenshots_ino;
};

static int run_writer(const struct fixture *fixture, long fail_at, int fail_errno)
{
	char trace[128], at[64], number[64];
	snprintf(trace, sizeof(trace), "%s/trace", fixture->dir);
	snprintf(at, sizeof(at), "%ld", fail_at);
	snprintf(number, sizeof(number), "%d", fail_errno);
	const pid_t pid = fork();
	if (pid == 0) {
		setenv("LD_PRELOAD", CUA_TEST_DISK_RECORDER, true);
		setenv("CUA_DISK_TRACE", trace, true);
		setenv("CUA_DISK_FAIL_AT", at, true);
		setenv("CUA_DISK_FAIL_ERRNO", number, true);
		execl("/proc/self/exe", "test_agent_powerloss", "--write", fixture->runs, NULL);
		_exit(127);
	}
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void read_trace(struct fixture *fixture)
{
	char path[128];
	struct stat info;
	snprintf(path, sizeof(path), "%s/trace", fixture->dir);
	cua_buffer_finish(&fixture->trace);
	cua_buffer_init(&fixture->trace, 64 << 20);
	assert_int_equal(cua_file_read(path, &fixture->trace, NULL), CUA_OK);
	free(fixture->steps);
	fixture->steps = NULL;
	fixture->count = 0;
	for (size_t at = 0; at < fixture->trace.len;) {
		fixture->steps = realloc(
				fixture->steps, (fixture->count + 1) * sizeof(*fixture->steps));
		assert_non_null(fixture->steps);
		struct step *step = &fixture->steps[fixture->count++];
		memcpy(&step->record, fixture->trace.data + at, sizeof(step->record));
		at += sizeof(step->record);
		step->data = (const unsigned char *)fixture->trace.data + at;
		at += step->record.len;
		if (strcmp(step->record.name, "events.jsonl") == 0) {
			fixture->events_ino = step->record.ino;
		} else if (strcmp(step->record.name, "screenshots") == 0) {
			fixture->screenshots_ino = step->record.ino;
		}
	}
	assert_int_equal(stat(fixture->runs, &info), 0);
	fixture->runs_ino = info.st_ino;
}

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	/* In memory: what the disk of this machine does is not the question. */
	strcpy(fixture->dir,
			access("/dev/shm", W_OK) == 0 ? "/dev/shm/cua-test-power-XXXXXX"
						      : "/tmp/cua-test-power-XXXXXX");
	assert_non_null(mkdtemp(fixture->dir));
	assert_int_equal(setenv("CUA_STATE_DIR", fixture->dir, true), 0);
	snprintf(fixture->runs, sizeof(fixture->runs), "%s/runs", fixture->dir);
	snprintf(fixture->scratch, sizeof(fixture->scratch), "%s/after", fixture->dir);
	assert_int_equal(mkdir(fixture->runs, 0700), 0);
	const char *seed = getenv("CUA_TEST_POWERLOSS_SEED");
	srandom(seed ? (unsigned int)strtoul(seed, NULL, 10) : 1);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(cua_remove_tree(fixture->dir, NULL), CUA_OK);
	cua_buffer_finish(&fixture->trace);
	free(fixture->steps);
	free(fixture);
	return 0;
}

/* --- a disk --- */

enum mode { MODE_PREFIX, MODE_SYNCED_ONLY, MODE_TORN, MODE_SUBSET, MODE_COUNT };

struct file {
	uint64_t ino;
	bool is_dir;
	struct cua_buffer data;
	struct {
		char name[96];
		uint64_t ino;
	} names[NAMES_MAX]; /* of a folder; "" is free */
};

struct disk {
	struct file files[FILES_MAX];
	size_t count;
};

static struct file *file_of(struct disk *disk, uint64_t ino)
{
	for (size_t i = 0; i < disk->count; i++) {
		if (disk->files[i].ino == ino) {
			return &disk->files[i];
		}
	}
	assert_true(disk->count < FILES_MAX);
	struct file *file = &disk->files[disk->count++];
	*file = (struct file){ .ino = ino };
	cua_buffer_init(&file->data, 1 << 20);
	return file;
}

static void disk_finish(struct disk *disk)
{
	for (size_t i = 0; i < disk->count; i++) {
		cua_buffer_finish(&disk->files[i].data);
	}
}

static int name_at(const struct file *dir, const char *name)
{
	for (int i = 0; i < NAMES_MAX; i++) {
		if (strcmp(dir->names[i].name, name) == 0) {
			return i;
		}
	}
	return -1;
}

static void set_name(struct file *dir, const char *name, uint64_t ino)
{
	int at = name_at(dir, name);
	at = at >= 0 ? at : name_at(dir, "");
	assert_true(at >= 0);
	snprintf(dir->names[at].name, sizeof(dir->names[at].name), "%s", name);
	dir->names[at].ino = ino;
}

static void resize(struct file *file, size_t len)
{
	static const char zeros[SECTOR];
	while (file->data.len < len) {
		const size_t missing = len - file->data.len;
		assert_int_equal(cua_buffer_append(&file->data, zeros,
						 missing < SECTOR ? missing : SECTOR, NULL),
				CUA_OK);
	}
	file->data.len = len;
}

/* Sectors of a write, each of which comes to the disk or does not. */
static void apply_write(struct file *file, const struct step *step, bool is_torn)
{
	const size_t offset = (size_t)step->record.offset, end = offset + step->record.len;
	if (!is_torn || random() % 2) {
		resize(file, end > file->data.len ? end : file->data.len);
	}
	for (size_t at = offset; at < end;) {
		const size_t next = (at / SECTOR + 1) * SECTOR;
		const size_t len = (next < end ? next : end) - at;
		if (!is_torn || random() % 2) {
			resize(file, at + len > file->data.len ? at + len : file->data.len);
			memcpy(file->data.data + at, step->data + (at - offset), len);
		}
		at += len;
	}
}

static void apply_name(struct file *dir, const struct disk_record *record)
{
	const int at = name_at(dir, record->name);
	if (record->op == DISK_CREATE || record->op == DISK_MKDIR) {
		set_name(dir, record->name, record->ino);
	} else if (at >= 0) {
		const uint64_t ino = dir->names[at].ino;
		dir->names[at].name[0] = '\0';
		if (record->op == DISK_RENAME) {
			set_name(dir, record->to_name, ino);
		}
	}
}

static void apply(struct disk *disk, const struct step *step, bool is_torn)
{
	const struct disk_record *record = &step->record;
	if (record->op == DISK_WRITE) {
		apply_write(file_of(disk, record->ino), step, is_torn);
	} else if (record->op == DISK_TRUNCATE) {
		resize(file_of(disk, record->ino), (size_t)record->offset);
	} else {
		apply_name(file_of(disk, record->dir), record);
		if (record->op == DISK_MKDIR) {
			file_of(disk, record->ino)->is_dir = true;
		}
	}
}

/* What a sync of this inode brings to the disk. */
static uint64_t synced_by(const struct disk_record *record)
{
	return record->op == DISK_WRITE || record->op == DISK_TRUNCATE ? record->ino : record->dir;
}

static bool is_change(const struct step *step)
{
	return step->record.op != DISK_SYNC && step->record.op != DISK_ACK;
}

/* deaf_to: syncs of this inode do nothing; 0: none. */
static bool is_synced(const struct fixture *fixture, size_t at, size_t end, uint64_t deaf_to)
{
	const uint64_t ino = synced_by(&fixture->steps[at].record);
	for (size_t i = at + 1; i < end && ino != deaf_to; i++) {
		if (fixture->steps[i].record.op == DISK_SYNC &&
				fixture->steps[i].record.ino == ino) {
			return true;
		}
	}
	return false;
}

/* The disk when the power went before step end. */
static void crash(const struct fixture *fixture, size_t end, enum mode mode, uint64_t deaf_to,
		struct disk *disk)
{
	disk->count = 0;
	file_of(disk, fixture->runs_ino)->is_dir = true;
	for (size_t i = 0; i < end; i++) {
		const struct step *step = &fixture->steps[i];
		if (!is_change(step)) {
			continue;
		}
		if (mode == MODE_PREFIX || is_synced(fixture, i, end, deaf_to)) {
			apply(disk, step, false);
		} else if (mode != MODE_SYNCED_ONLY && random() % 2) {
			apply(disk, step, mode == MODE_TORN);
		}
	}
}

static void make_tree(struct disk *disk, uint64_t ino, const char *path)
{
	const struct file *file = file_of(disk, ino);
	if (!file->is_dir) {
		assert_int_equal(cua_file_write(path, file->data.data ? file->data.data : "",
						 file->data.len, 0600, NULL),
				CUA_OK);
		return;
	}
	assert_int_equal(mkdir(path, 0700), 0);
	for (int i = 0; i < NAMES_MAX; i++) {
		char inside[400];
		if (file->names[i].name[0]) {
			snprintf(inside, sizeof(inside), "%s/%s", path, file->names[i].name);
			make_tree(disk, file->names[i].ino, inside);
		}
	}
}

/* --- after the power came back --- */

static uint64_t acknowledged(const struct fixture *fixture, size_t end)
{
	uint64_t seq = 0;
	for (size_t i = 0; i < end; i++) {
		if (fixture->steps[i].record.op == DISK_ACK) {
			memcpy(&seq, fixture->steps[i].data, sizeof(seq));
		}
	}
	return seq;
}

/* The only run there is; "" if there is none. */
static void find_run(const char *runs, char *path, size_t size)
{
	DIR *dir = opendir(runs);
	assert_non_null(dir);
	path[0] = '\0';
	for (const struct dirent *entry; (entry = readdir(dir));) {
		if (entry->d_name[0] != '.') {
			snprintf(path, size, "%s/%s", runs, entry->d_name);
		}
	}
	closedir(dir);
}

static cJSON *note(void)
{
	cJSON *event = cJSON_CreateObject();
	cJSON_AddStringToObject(event, "type", "run_resume");
	return event;
}

static bool verifies(const char *path)
{
	struct agent_journal_verdict verdict;
	CUA_AUTO_FD int dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return agent_journal_verify(dir_fd, strrchr(path, '/') + 1, NULL, &verdict, NULL) == CUA_OK;
}

/* What a reader that does not cut the torn line off would do. */
static bool goes_on_without_cutting(const char *path)
{
	struct agent_journal_scan scan;
	struct agent_chain chain;
	char events[400], object[64];
	CUA_AUTO_FREE char *line = NULL;
	size_t len = 0;
	CUA_AUTO_FD int dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (agent_journal_scan(dir_fd, NULL, NULL, &scan, NULL) != CUA_OK) {
		return true; /* before the first event: not this control's matter */
	}
	snprintf(object, sizeof(object), "{\"seq\":%llu,\"type\":\"run_resume\"}",
			(unsigned long long)scan.seq + 1);
	snprintf(events, sizeof(events), "%s/events.jsonl", path);
	assert_int_equal(agent_chain_seal(&scan.chain, object, &chain, &line, &len, NULL), CUA_OK);
	CUA_AUTO_FD int fd = open(events, O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_int_equal(write(fd, line, len), len);
	return verifies(path);
}

/* The journal is opened, goes on and is whole; nothing that was acknowledged is missing. */
static bool goes_on(const char *path, uint64_t acked)
{
	struct agent_journal journal;
	int64_t cut = 0;
	const bool is_there = agent_journal_open(&journal, path, &cut, NULL) == CUA_OK &&
			journal.seq >= acked &&
			agent_journal_append(&journal, note(), true, NULL) == CUA_OK;
	agent_journal_finish(&journal);
	return acked == 0 ? !is_there || verifies(path) : is_there && verifies(path);
}

enum reader { READER_OURS, READER_WITHOUT_CUT };

/* In how many of so many states something is wrong. */
static int count_losses(struct fixture *fixture, int states, uint64_t deaf_to, enum reader reader)
{
	int losses = 0;
	struct disk *disk = calloc(1, sizeof(*disk));
	assert_non_null(disk);
	for (int i = 0; i < states; i++) {
		char path[300];
		const size_t end = 1 + (size_t)random() % fixture->count;
		const uint64_t acked = acknowledged(fixture, end);
		crash(fixture, end, (enum mode)(i % MODE_COUNT), deaf_to, disk);
		make_tree(disk, fixture->runs_ino, fixture->scratch);
		disk_finish(disk);
		find_run(fixture->scratch, path, sizeof(path));
		if (!path[0]) {
			losses += acked > 0;
		} else if (reader == READER_OURS) {
			losses += !goes_on(path, acked);
		} else {
			losses += !goes_on_without_cutting(path);
		}
		assert_int_equal(cua_remove_tree(fixture->scratch, NULL), CUA_OK);
	}
	free(disk);
	return losses;
}

static int wanted_states(void)
{
	const char *states = getenv("CUA_TEST_POWERLOSS_STATES");
	return states ? atoi(states) : 1500;
}

static void record(struct fixture *fixture)
{
	assert_int_equal(run_writer(fixture, 0, 0), 0);
	read_trace(fixture);
	assert_int_equal(acknowledged(fixture, fixture->count), EVENTS + 1);
}

static void a_power_loss_loses_nothing_acknowledged(void **state)
{
	record(*state);
	assert_int_equal(count_losses(*state, wanted_states(), 0, READER_OURS), 0);
}

static void without_fdatasync_it_would(void **state)
{
	struct fixture *fixture = *state;
	record(fixture);
	const int losses = count_losses(fixture, 300, fixture->events_ino, READER_OURS);
	print_message("without fdatasync: %d of 300 states lose something\n", losses);
	assert_true(losses > 0);
}

static void without_synced_folders_it_would(void **state)
{
	struct fixture *fixture = *state;
	record(fixture);
	const int losses = count_losses(fixture, 300, fixture->screenshots_ino, READER_OURS);
	print_message("without synced folders: %d of 300 states lose something\n", losses);
	assert_true(losses > 0);
}

static void without_cutting_it_would_spoil_the_journal(void **state)
{
	struct fixture *fixture = *state;
	record(fixture);
	const int losses = count_losses(fixture, 300, 0, READER_WITHOUT_CUT);
	print_message("without cutting: %d of 300 states are spoilt\n", losses);
	assert_true(losses > 0);
}

/* --- calls that fail --- */

/* The journal ends where the disk failed, is whole, and nobody was told otherwise. */
static void expect_whole_after(struct fixture *fixture, int fail_errno)
{
	int exit_status = 3;
	for (long at = 1; exit_status == 3; at++) {
		char path[300];
		exit_status = run_writer(fixture, at, fail_errno);
		read_trace(fixture);
		const uint64_t acked = acknowledged(fixture, fixture->count);
		find_run(fixture->runs, path, sizeof(path));
		if (path[0] && !goes_on(path, acked)) {
			fail_msg("after call %ld failed with %s the journal is not whole", at,
					strerrorname_np(fail_errno));
		}
		assert_true(exit_status == 0 || exit_status == 3);
		assert_true(exit_status == 3 || acked == EVENTS + 1);
		assert_int_equal(cua_remove_tree(fixture->runs, NULL), CUA_OK);
		assert_int_equal(mkdir(fixture->runs, 0700), 0);
		assert_true(at < 10000);
		if (exit_status == 0) {
			print_message("%ld points of failure with %s\n", at - 1,
					strerrorname_np(fail_errno));
			assert_true(at > 200);
		}
	}
}

static void a_failing_disk_is_told_and_leaves_a_whole_journal(void **state)
{
	expect_whole_after(*state, EIO);
	expect_whole_after(*state, ENOSPC);
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	if (argc == 3 && strcmp(argv[1], "--write") == 0) {
		return writer(argv[2]);
	}
	const struct CMUnitTest tests[] = {
		TEST(a_power_loss_loses_nothing_acknowledged),
		TEST(without_fdatasync_it_would),
		TEST(without_synced_folders_it_would),
		TEST(without_cutting_it_would_spoil_the_journal),
		TEST(a_failing_disk_is_told_and_leaves_a_whole_journal),
	};
	if (sodium_init() < 0) {
		return 1;
	}
	return cmocka_run_group_tests_name("agent_powerloss", tests, NULL, NULL);
}
