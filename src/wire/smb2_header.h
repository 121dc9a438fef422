/*
 * smb2_header.h - the 64 bytes before every SMB2 message.
 *
 * Owns     nothing; a struct smb2_header is a value.
 * Spec     [MS-SMB2] 2.2.1.1 (ASYNC), 2.2.1.2 (SYNC)
 */
#pragma once

#include "wire/rd.h"
#include "wire/smb2_proto.h"
#include "wire/wr.h"

/* ProtocolId and StructureSize are not kept: rd_smb2_header() demands and wr_smb2_header() writes the only values. */
struct smb2_header {
	uint16_t credit_charge;
	uint32_t
		status; /* response: Status. Request of 3.x: see smb2_channel_sequence() */
	uint16_t command; /* any value: unknown ones are the dispatcher's to refuse */
	uint16_t credits; /* CreditRequest or CreditResponse		*/
	uint32_t flags;   /* SMB2_FLAGS_*				*/
	uint32_t next_command; /* 0: the last of its compound; unchecked	*/
	uint64_t message_id;
	uint64_t async_id;   /* with SMB2_FLAGS_ASYNC_COMMAND, else 0	*/
	uint32_t process_id; /* without it, else 0: Reserved in 2.2.1.2	*/
	uint32_t tree_id;    /* without it, else 0			*/
	uint64_t session_id;
	uint8_t signature[SMB2_SIGNATURE_LEN];
};

/* Fails the cursor if ProtocolId is not FE 'S' 'M' 'B', StructureSize not 64, or bytes are missing. */
struct smb2_header rd_smb2_header(struct rd *r);

/* What 2.2.1 puts at AsyncId follows h->flags. */
void wr_smb2_header(struct wr *w, const struct smb2_header *h);

/* Of a request in the 3.x dialects: the low half of the Status field. */
static inline uint16_t smb2_channel_sequence(const struct smb2_header *h)
{
	return (uint16_t)h->status;
}

static inline bool smb2_header_is_async(const struct smb2_header *h)
{
	return h->flags & SMB2_FLAGS_ASYNC_COMMAND;
}
