#include "display/picture/workers.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "cua/base/util.h"

#define HELPERS_MAX 7
#define HELPER_STACK_BYTES ((size_t)256 << 10)
/* Longer than the pauses of somebody who takes picture after picture. */
#define HELPER_IDLE_MS 500
/* Two threads end a round together, nearly: falling asleep and waking up would take longer. */
#define AWAKE_US 200

enum helper_state {
	HELPER_NONE, /* no thread */
	HELPER_ALIVE,
	HELPER_ENDED, /* to be joined */
};

struct helper {
	enum helper_state state; /* under mutex */
	pthread_t thread;
	struct picture_workers *workers;
};

struct round {
	picture_work_fn work; /* NULL between rounds */
	void *user_data;
	int count;
};

struct picture_workers {
	pthread_mutex_t mutex;
	pthread_cond_t work_ready, work_over;
	struct picture_scratch scratch; /* the caller's */
	int helper_max;
	struct helper helpers[HELPERS_MAX];
	/* under mutex */
	bool stopping;
	uint64_t last_us;           /* when the last round began; 0: never */
	unsigned long round_number; /* a helper takes part in each round once */
	struct round round;

	atomic_int busy; /* helpers in the current round; changed under mutex */
	atomic_int next; /* item of the current round */
};

void *picture_scratch_get(struct picture_scratch *scratch, size_t size)
{
	if (size > scratch->size) {
		free(scratch->data);
		scratch->data = malloc(size);
		scratch->size = scratch->data ? size : 0;
	}
	return scratch->data;
}

static int processor_count(void)
{
	cpu_set_t set;
	return sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
}

struct picture_workers *picture_workers_create(void)
{
	struct picture_workers *workers = calloc(1, sizeof(*workers));
	if (!workers) {
		return NULL;
	}
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&workers->mutex, NULL);
	pthread_cond_init(&workers->work_ready, &monotonic);
	pthread_cond_init(&workers->work_over, NULL);
	pthread_condattr_destroy(&monotonic);
	const int helpers = processor_count() - 1;
	workers->helper_max = helpers < HELPERS_MAX ? helpers : HELPERS_MAX;
	for (int i = 0; i < HELPERS_MAX; i++) {
		workers->helpers[i].workers = workers;
	}
	return workers;
}

void picture_workers_destroy(struct picture_workers *workers)
{
	if (!workers) {
		return;
	}
	bool started[HELPERS_MAX];
	pthread_mutex_lock(&workers->mutex);
	workers->stopping = true;
	for (int i = 0; i < HELPERS_MAX; i++) {
		started[i] = workers->helpers[i].state != HELPER_NONE;
	}
	pthread_cond_broadcast(&workers->work_ready);
	pthread_mutex_unlock(&workers->mutex);
	for (int i = 0; i < HELPERS_MAX; i++) {
		if (started[i]) {
			pthread_join(workers->helpers[i].thread, NULL);
		}
	}
	pthread_cond_destroy(&workers->work_ready);
	pthread_cond_destroy(&workers->work_over);
	pthread_mutex_destroy(&workers->mutex);
	free(workers->scratch.data);
	free(workers);
}

struct picture_scratch *picture_workers_scratch(struct picture_workers *workers)
{
	return &workers->scratch;
}

/* round is a copy: the caller ends the round when no item is left, while others still work. */
static void do_items(struct picture_workers *workers, struct round round,
		struct picture_scratch *scratch)
{
	for (int item; (item = atomic_fetch_add(&workers->next, 1)) < round.count;) {
		round.work(round.user_data, item, scratch);
	}
}

static void deadline_in(struct timespec *deadline, long ms)
{
	clock_gettime(CLOCK_MONOTONIC, deadline);
	deadline->tv_nsec += ms * 1000000L;
	deadline->tv_sec += deadline->tv_nsec / 1000000000L;
	deadline->tv_nsec %= 1000000000L;
}

static void *helper_main(void *user_data)
{
	struct helper *helper = user_data;
	struct picture_workers *workers = helper->workers;
	struct picture_scratch scratch = { 0 };
	unsigned long done = 0; /* the last round this helper took part in */
	struct timespec deadline;
	deadline_in(&deadline, HELPER_IDLE_MS);
	pthread_mutex_lock(&workers->mutex);
	for (bool idle = false; !workers->stopping && !idle;) {
		if (!workers->round.work || workers->round_number == done) {
			idle = pthread_cond_timedwait(&workers->work_ready, &workers->mutex,
					       &deadline) == ETIMEDOUT &&
					!workers->round.work;
			continue;
		}
		done = workers->round_number;
		const struct round round = workers->round;
		atomic_fetch_add(&workers->busy, 1);
		pthread_mutex_unlock(&workers->mutex);
		do_items(workers, round, &scratch);
		deadline_in(&deadline, HELPER_IDLE_MS);
		pthread_mutex_lock(&workers->mutex);
		if (atomic_fetch_sub(&workers->busy, 1) == 1) {
			pthread_cond_signal(&workers->work_over);
		}
	}
	helper->state = HELPER_ENDED;
	pthread_mutex_unlock(&workers->mutex);
	free(scratch.data);
	return NULL;
}

/* Mutex held. */
static void start_helpers(struct picture_workers *workers, int wanted)
{
	sigset_t all, old;
	pthread_attr_t attributes;
	sigfillset(&all);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, HELPER_STACK_BYTES);
	pthread_sigmask(SIG_SETMASK, &all, &old); /* signals are the loop's business */
	for (int i = 0; i < wanted && i < workers->helper_max; i++) {
		struct helper *helper = &workers->helpers[i];
		if (helper->state == HELPER_ENDED) {
			pthread_join(helper->thread, NULL);
			helper->state = HELPER_NONE;
		}
		if (helper->state == HELPER_NONE &&
				pthread_create(&helper->thread, &attributes, helper_main, helper) ==
						0) {
			helper->state = HELPER_ALIVE;
		}
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attributes);
}

static void await_helpers(struct picture_workers *workers)
{
	const uint64_t until_us = cua_now_us() + AWAKE_US;
	while (cua_now_us() < until_us) {
		if (atomic_load(&workers->busy) == 0) {
			return; /* and nobody begins any more */
		}
		sched_yield();
	}
	pthread_mutex_lock(&workers->mutex);
	while (atomic_load(&workers->busy) > 0) {
		pthread_cond_wait(&workers->work_over, &workers->mutex);
	}
	pthread_mutex_unlock(&workers->mutex);
}

void picture_workers_run(struct picture_workers *workers, int count, bool is_small,
		picture_work_fn work, void *user_data)
{
	const struct round round = { work, user_data, count };
	const uint64_t now_us = cua_now_us();
	pthread_mutex_lock(&workers->mutex);
	/* Whoever takes picture after picture has helpers that only need to be woken. */
	const bool again =
			workers->last_us > 0 && now_us - workers->last_us < HELPER_IDLE_MS * 1000U;
	workers->last_us = now_us;
	workers->round = round;
	atomic_store(&workers->next, 0);
	const bool helped = (!is_small || again) && count > 1 && workers->helper_max > 0;
	if (helped) {
		workers->round_number++;
		start_helpers(workers, count - 1);
		pthread_cond_broadcast(&workers->work_ready);
	}
	pthread_mutex_unlock(&workers->mutex);
	do_items(workers, round, &workers->scratch);
	/* A helper that has not begun by now finds nothing to do, and nobody waits for it. */
	pthread_mutex_lock(&workers->mutex);
	workers->round.work = NULL;
	pthread_mutex_unlock(&workers->mutex);
	await_helpers(workers);
}
