package graphsim

import "net/http"

// classify returns how an AADSTS number travels: HTTP status and OAuth error. The documentation promises 400 for all;
// a bad client gets 401 in practice. Unknown numbers are bad requests.
func classify(code int) (status int, oauth string) {
	switch code {
	case 7000215, 7000222, 7000218, 700021, 700023, 700024, 700027, 700030, 700211, 700212, 700213, 50012, 50013, 50027, 500133:
		return http.StatusUnauthorized, "invalid_client"
	case 7000112:
		return http.StatusUnauthorized, "unauthorized_client"
	case 700016, 70001:
		return http.StatusBadRequest, "unauthorized_client"
	case 70003:
		return http.StatusBadRequest, "unsupported_grant_type"
	case 70011, 28002, 700022:
		return http.StatusBadRequest, "invalid_scope"
	case 500011:
		return http.StatusBadRequest, "invalid_resource"
	case 70016:
		return http.StatusBadRequest, "authorization_pending"
	case 65004:
		return http.StatusBadRequest, "authorization_declined"
	case 70018:
		return http.StatusBadRequest, "bad_verification_code"
	case 70019:
		return http.StatusBadRequest, "expired_token"
	case 50076, 50079:
		return http.StatusBadRequest, "interaction_required"
	case 54005, 50173, 70000, 70008, 70043, 700082, 700084, 53003, 530032, 65001, 90094, 50057, 50034:
		return http.StatusBadRequest, "invalid_grant"
	case 90055:
		return http.StatusTooManyRequests, "temporarily_unavailable"
	case 50033, 90006, 90012, 90024, 90033, 90090:
		return http.StatusServiceUnavailable, "temporarily_unavailable"
	default:
		return http.StatusBadRequest, "invalid_request"
	}
}

// textOf returns what Entra says with a number, for those that need nothing filled in.
func textOf(code int) string {
	switch code {
	case 7000215:
		return "Invalid client secret provided."
	case 7000222:
		return "The provided client secret keys are expired."
	case 7000218:
		return "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."
	case 700021:
		return "Client assertion application identifier doesn't match 'client_id' parameter."
	case 700023:
		return "Client assertion audience claim does not match Realm issuer."
	case 700024:
		return "Client assertion is not within its valid time range."
	case 700027:
		return "Client assertion failed signature validation."
	case 70016:
		return "OAuth 2.0 device flow error. Authorization is pending. Continue polling."
	case 65004:
		return "User declined to consent to access the app."
	case 70019:
		return "Verification code expired."
	case 54005:
		return "OAuth2 Authorization code was already redeemed, please retry with a new valid code."
	case 50173:
		return "The provided grant has expired due to it being revoked, a fresh auth token is needed."
	case 700082:
		return "The refresh token has expired due to inactivity."
	case 50034:
		return "The user account does not exist in the directory."
	case 50196:
		return "The server terminated an operation because it encountered a client request loop."
	case 53003:
		return "Access has been blocked by Conditional Access policies."
	default:
		return "The request was refused."
	}
}
