# Serves a private Redmine on a port of this machine, by WEBrick, which is not in Redmine's bundle.
$LOAD_PATH.unshift(*Gem::Specification.find_by_name('webrick').full_require_paths)
require 'webrick'
require '/usr/share/redmine/config/environment'
require 'rack/handler/webrick'

Rack::Handler::WEBrick.run(
  Rails.application, Host: '127.0.0.1', Port: Integer(ARGV.fetch(0)), AccessLog: [], Logger: WEBrick::Log.new($stderr, 2)
)
