import { nginxWith, user } from '../../bench/peers/nginx.js'
import type { Place } from '../../bench/peers/peer.js'

/** nginx, one worker, set up to survive: passive failure counts, and another server for what failed. */
export const nginx = nginxWith(configuration)

// It has no active checks (those are nginx Plus). Only statuses listed in proxy_next_upstream count as failures of a
// server, so 500 is among them. The read timeout is what finds a frozen server.
function configuration({ port, backends, connections, folder }: Place): string {
  const files = 4 * connections + 512
  return `
daemon off;
${user}
worker_processes 1;
worker_rlimit_nofile ${files};
pid ${folder}/nginx.pid;
error_log stderr crit;
events { worker_connections ${files}; }
http {
  access_log off;
  client_body_temp_path ${folder}/client;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  keepalive_requests 1000000000;
  upstream backends {
    zone backends 256k;
    least_conn;
${backends.map((backend) => `    server ${backend} max_fails=2 fail_timeout=3s;`).join('\n')}
    keepalive ${2 * connections + 64};
    keepalive_requests 1000000000;
    keepalive_time 24h;
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass http://backends;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_connect_timeout 1s;
      proxy_read_timeout 2s;
      proxy_next_upstream error timeout invalid_header http_500 http_502 http_503 http_504;
      proxy_next_upstream_tries 3;
      proxy_next_upstream_timeout 8s;
    }
  }
}
`
}
