/** Directives that the conversion reads, each where it stands. */
const READ = new Set(
  `http server upstream location server_name listen proxy_pass proxy_set_header add_header proxy_hide_header return
  rewrite if set map split_clients mirror proxy_read_timeout proxy_connect_timeout client_max_body_size allow deny
  limit_req limit_req_zone limit_req_status error_page default_type limit_except internal grpc_pass ssl_certificate
  ssl_certificate_key ssl_protocols ssl_client_certificate ssl_verify_client proxy_next_upstream
  proxy_next_upstream_tries proxy_ssl_verify proxy_ssl_trusted_certificate proxy_ssl_certificate
  proxy_ssl_certificate_key proxy_ssl_name set_real_ip_from real_ip_header keepalive_timeout client_header_timeout
  client_body_timeout limit_conn worker_shutdown_timeout access_log
  keepalive_requests proxy_intercept_errors`.split(/\s+/)
)

/** Directives that ask for what is so in any case, or that say something only to nginx itself. */
const NOT_NEEDED = new Set(
  `user pid events worker_rlimit_nofile worker_connections load_module pcre_jit daemon master_process env lock_file
  sendfile sendfile_max_chunk tcp_nopush tcp_nodelay aio directio output_buffers postpone_output server_tokens
  server_names_hash_bucket_size server_names_hash_max_size types_hash_max_size types_hash_bucket_size
  variables_hash_bucket_size variables_hash_max_size map_hash_bucket_size map_hash_max_size types charset
  proxy_http_version proxy_buffering proxy_buffers proxy_buffer_size proxy_busy_buffers_size proxy_request_buffering
  proxy_max_temp_file_size proxy_temp_path proxy_temp_file_write_size client_body_buffer_size client_body_temp_path
  proxy_headers_hash_max_size proxy_headers_hash_bucket_size proxy_socket_keepalive proxy_ssl_server_name
  proxy_ssl_session_reuse proxy_pass_header proxy_pass_request_headers proxy_pass_request_body
  proxy_ignore_client_abort log_format error_log log_not_found log_subrequest resolver resolver_timeout
  real_ip_recursive reset_timedout_connection send_timeout proxy_send_timeout lingering_close lingering_time
  lingering_timeout keepalive_disable keepalive_time large_client_header_buffers client_header_buffer_size
  connection_pool_size request_pool_size underscores_in_headers ignore_invalid_headers merge_slashes msie_padding
  absolute_redirect port_in_redirect server_name_in_redirect recursive_error_pages http2 http2_max_concurrent_streams
  ssl_ciphers ssl_prefer_server_ciphers ssl_session_cache ssl_session_timeout ssl_session_tickets ssl_dhparam
  ssl_ecdh_curve ssl_stapling ssl_stapling_verify ssl_trusted_certificate ssl_buffer_size ssl_conf_command
  zone keepalive least_conn ip_hash hash random least_time ntlm slow_start sticky state queue status_zone
  limit_conn_zone limit_conn_status limit_req_log_level limit_conn_log_level etag gzip_vary gzip_proxied
  gzip_comp_level gzip_types gzip_min_length gzip_buffers gzip_http_version gzip_disable gzip_static tcp_nodelay
  open_file_cache open_file_cache_valid open_file_cache_min_uses open_file_cache_errors max_ranges
  worker_processes worker_cpu_affinity worker_priority multi_accept use accept_mutex thread_pool timer_resolution
  break uninitialized_variable_warn rewrite_log proxy_method variables`.split(/\s+/)
)

const FILES = 'it serves no files: put a server for them behind it as a pool'
const COMPRESSION = 'it does not compress: let the backends do so, or a CDN in front'
const CACHE = 'it does not cache: let a CDN in front do so'
const ACCESS = 'it does not authenticate; to be safe, these requests are refused'
const FIELDS = 'it does not change what stands in fields or bodies of responses'
const GATEWAY = 'it speaks HTTP to backends only: put an application server behind it'

/** Why a directive has no counterpart. The first name that a directive begins with is meant. */
const REASONS: readonly (readonly [names: RegExp, why: string])[] = [
  [/^(?:root|alias|try_files|index|autoindex|expires|random_index|dav_)/, FILES],
  [/^(?:gzip|brotli|gunzip|zstd)/, COMPRESSION],
  [/^(?:proxy_cache|proxy_no_cache|proxy_store|fastcgi_cache|open_file_cache)/, CACHE],
  [/^(?:auth_|secure_link|valid_referers|ssl_crl)/, ACCESS],
  [/^(?:sub_filter|proxy_redirect|proxy_cookie|ssi|addition|add_before|add_after|image_filter)/, FIELDS],
  [/^(?:fastcgi|uwsgi|scgi|memcached|grpc_)/, GATEWAY],
  [/^limit_rate/, 'it does not limit bandwidth'],
  [/^stream$/, 'it balances HTTP only, not TCP or UDP'],
  [/^mail$/, 'it balances HTTP only'],
  [/^stub_status/, 'its own statistics are at /__lb/stats and /__lb/metrics'],
  [/^(?:geo|geoip)/, 'it has no variables: the nearest is a match of "client" addresses'],
  [
    /^(?:lua_|content_by|access_by|rewrite_by|header_filter_by|body_filter_by|js_|perl)/,
    'it runs no scripts'
  ],
  [/^add_trailer|^proxy_set_body/, 'bodies and trailers pass unchanged'],
  [/^health_check|^match$/, 'write health-check settings into the pool'],
  [/^(?:proxy_bind|proxy_limit_rate)/, 'there is nothing like it'],
  [/^(?:otel_|opentelemetry)/, 'tracing is set by the variables of OpenTelemetry'],
  [/^satisfy/, 'a route asks for all that it asks for']
]

/** Blocks whose content is no list of directives that matter here. */
export const OPAQUE = new Set(['events', 'types', 'map', 'split_clients', 'geo', 'stream', 'mail', 'match'])

/** Directives without which a location would be open to those whom they keep out. */
export const KEEPS_OUT = /^(?:auth_|secure_link|valid_referers|access_by)/

/** Why a directive is left out; undefined if it is not. */
export function whyLeftOut(name: string): string | undefined {
  if (READ.has(name) || NOT_NEEDED.has(name)) return undefined
  return REASONS.find(([names]) => names.test(name))?.[1] ?? 'not understood'
}
