/* kdf.c - see kdf.h */
#include "secure/kdf.h"

#include "base/ct.h"
#include "crypto/mac.h"
#include "secure/preauth.h"
#include "wire/smb2_proto.h"
#include "wire/wr.h"

#include <errno.h>

/* Label and context with the NUL that belongs to them: the separator of SP800-108 comes in addition. */
#define TEXT(s)                                                                          \
	{                                                                                \
		.p = (const uint8_t *)(s), .len = sizeof(s)                              \
	}

static const struct {
	struct span label_30;
	struct span context_30;
	struct span label_311; /* its context is the preauth hash */
} purposes[] = {
	[KDF_SIGNING] = {TEXT("SMB2AESCMAC"), TEXT("SmbSign"), TEXT("SMBSigningKey")},
	[KDF_SERVER_TO_CLIENT] = {TEXT("SMB2AESCCM"), TEXT("ServerOut"),
				  TEXT("SMBS2CCipherKey")},
	[KDF_CLIENT_TO_SERVER] = {TEXT("SMB2AESCCM"), TEXT("ServerIn "), /* a blank! */
				  TEXT("SMBC2SCipherKey")},
	[KDF_APPLICATION] = {TEXT("SMB2APP"), TEXT("SmbRpc"), TEXT("SMBAppKey")},
};

int kdf_derive(enum kdf_purpose purpose, uint16_t dialect, struct span ki,
	       const uint8_t preauth[64], struct mspan ret_key)
{
	bool is_311 = dialect == SMB2_DIALECT_311;
	struct span label = purposes[purpose].label_30;
	struct span context = purposes[purpose].context_30;
	uint8_t input[128];
	struct wr w = wr_of(mspan_of(input, sizeof(input)));
	uint8_t block[HMAC_SHA256_LEN];
	struct span prf_input;
	int err;

	if (is_311) {
		label = purposes[purpose].label_311;
		context = span_of(preauth, PREAUTH_LEN);
	}
	wr_be32(&w, 1); /* the counter: one block is enough for 32 bytes */
	wr_bytes(&w, label);
	wr_u8(&w, 0);
	wr_bytes(&w, context);
	wr_be32(&w, (uint32_t)ret_key.len * 8);
	prf_input = wr_done(&w);

	err = ret_key.len <= sizeof(block) ? hmac_sha256(ki, &prf_input, 1, block) : -EIO;
	if (err)
		wipe(ret_key.p, ret_key.len);
	else
		memcpy(ret_key.p, block, ret_key.len);
	wipe(block, sizeof(block));
	return err;
}
