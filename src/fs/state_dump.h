/*
 * state_dump.h - a replica of fs/state.h as bytes, and back: to compare replicas, and for one that begins later.
 *
 * Equal replicas give equal bytes: files and streams are sorted by their keys, opens, holders of caching and locks are in the
 * order in which they came. What only one server knows (who waits for an answer) is not in them. All numbers are little-endian.
 *
 *     magic u32, version u32, number of files and streams u32, then each of them:
 *     key         volume, inode, generation, stream u64; deletion pending u8
 *     holders     u32, then each: lease version u8 (0: an oplock), held, told, target u8, breaking u8, epoch u16,
 *                 client, key 16 bytes each, server u32, open u64, broken since u64
 *     opens       u32, then each: server u32, open u64, access u32, share u32, delete on close u8, directory u8,
 *                 holder u32 (counted from 1; 0: none)
 *     locks       u32, then each: server u32, open u64, wait id u64, offset, length u64, exclusive u8
 *     waiting     u32, likewise
 *
 * Threads  nobody applies operations meanwhile.
 * Spec     none: it is ours.
 */
#pragma once

#include "fs/state.h"
#include "wire/rd.h"
#include "wire/wr.h"

/* The bytes that state_write() takes. */
size_t state_size(struct state *s);

/* -ENOBUFS: they do not fit; -ENOMEM. */
MUST_CHECK int state_write(struct state *s, struct wr *w);

/*
 * Into an empty replica, to the last byte. Whatever no sequence of operations leads to is refused: opens without their holders,
 * locks that exclude each other, anything not in its order.
 *
 * -EBADMSG, -ENOMEM: *s holds some of it and is of no use but for state_free().
 */
MUST_CHECK int state_read(struct state *s, struct rd *r);
