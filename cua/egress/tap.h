#ifndef CUA_EGRESS_TAP_H
#define CUA_EGRESS_TAP_H

/* The network interface of a sandbox with an open network: its frames are read and written here,
 * outside. It is there as long as the descriptor is open. */

#include "cua/base/error.h"
#include "cua/base/process.h"

/* CUA_ERR_UNAVAILABLE, saying what to do, if the caller may have no such interface. */
CUA_NODISCARD enum cua_status egress_tap_check(struct cua_error *err);

/**
 * egress_tap_open() - make the interface, with its address and a route to the gateway.
 * @init:   a process of the sandbox.
 * @uid:    who started the sandbox: the owner of its user namespace.
 * @ret_fd: non-blocking; a frame for each read and write.
 *
 * Return: CUA_OK; CUA_ERR_UNAVAILABLE if the kernel refuses, CUA_ERR_CLOSED if init has ended.
 * Source: Documentation/networking/tuntap.rst; user_namespaces(7), ioctl_ns(2).
 */
CUA_NODISCARD enum cua_status egress_tap_open(
		struct cua_process_id init, uid_t uid, int *ret_fd, struct cua_error *err);

#endif
