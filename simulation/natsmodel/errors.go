package natsmodel

// apiError is an error as JetStream's answers carry it.
type apiError struct {
	Code        int    `json:"code"`
	ErrCode     int    `json:"err_code"`
	Description string `json:"description"`
}

// The errors of the model, a few of
// https://github.com/nats-io/nats-server/blob/main/server/errors.json
const (
	codeConsumerNotFound      = 10014
	codeBadRequest            = 10025
	codeMessageNotFound       = 10037
	codeStreamNameInUse       = 10058
	codeStreamNotFound        = 10059
	codeWrongLastSequence     = 10071
	codeWrongSequenceInFlight = 10164
	codeAtomicDisabled        = 10174
	codeBatchMissingSequence  = 10175
	codeBatchIncomplete       = 10176
	codeBatchTooLarge         = 10199
	codeBatchCommit           = 10200
	codeBatchDuplicateID      = 10201
	codeTooManyBatches        = 10210
)
