#include "cua/egress/gateway_log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cua/base/file.h"
#include "cua/base/util.h"
#include "cua/egress/egress_log.h"

#define LOG_MAX (64ULL << 20) /* bytes: some hundred thousand destinations */
#define QUIET_US 3600000000ULL

static const char *protocol_name(uint8_t protocol)
{
	return protocol == IPPROTO_TCP             ? "TCP"
			: protocol == IPPROTO_UDP  ? "UDP"
			: protocol == IPPROTO_ICMP ? "ICMP"
						   : "IP";
}

static enum cua_status write_line(struct egress_gateway_log *log,
		const struct egress_destination *destination, struct cua_error *err)
{
	char address[INET_ADDRSTRLEN];
	CUA_AUTO_JSON cJSON *line = cJSON_CreateObject();
	inet_ntop(AF_INET, &destination->address, address, sizeof(address));
	egress_log_time(line);
	cJSON_AddNumberToObject(line, "id", (double)++log->last_id);
	cJSON_AddStringToObject(line, "event", destination->why ? "denied" : "allowed");
	cJSON_AddStringToObject(line, "by", protocol_name(destination->protocol));
	cJSON_AddStringToObject(line, "host", address);
	cJSON_AddNumberToObject(line, "port", destination->port);
	cJSON_AddStringToObject(
			line, "rule", destination->why ? destination->why : "a public address");
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(line);
	const size_t len = text ? strlen(text) : 0;
	if (!text || log->written + len + 1 > LOG_MAX) {
		return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0,
				"the log of the sandbox's network is full");
	}
	text[len] = '\n'; /* in place of its end: one write, so that no line is torn */
	log->written += len + 1;
	return cua_write_all(log->fd, text, len + 1)
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_IO, errno, "the log of the sandbox's network");
}

static bool is_same(const struct egress_destination *a, const struct egress_destination *b)
{
	return a->address.s_addr == b->address.s_addr && a->protocol == b->protocol &&
			a->port == b->port && (a->why == NULL) == (b->why == NULL);
}

enum cua_status egress_gateway_log(struct egress_gateway_log *log,
		const struct egress_destination *destination, uint64_t now_us,
		struct cua_error *err)
{
	/* Multiplied by a large odd number, whose upper bits all of the lower ones reach. */
	const uint64_t key = (uint64_t)destination->address.s_addr << 24 |
			(uint64_t)destination->port << 8 | destination->protocol;
	const size_t slot = (size_t)(key * 0x9e3779b97f4a7c15ULL >> 32) % CUA_ARRAY_LEN(log->known);
	const bool is_known = is_same(&log->known[slot].destination, destination) &&
			log->known[slot].seen_us + QUIET_US > now_us;
	log->known[slot].seen_us = now_us;
	if (is_known) {
		return CUA_OK;
	}
	log->known[slot].destination = *destination;
	return write_line(log, destination, err);
}
