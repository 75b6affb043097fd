# Fills the database of a private Redmine: tables, Redmine's own default data, a project, two users.
# Prints what was made as JSON.
require 'json'

connection = ActiveRecord::Base.connection
connection.execute('PRAGMA synchronous=OFF')
connection.execute('PRAGMA journal_mode=MEMORY')
ActiveRecord::Migration.verbose = false
ActiveRecord::MigrationContext.new(File.join(Rails.root, 'db/migrate'), ActiveRecord::SchemaMigration).migrate
ActiveRecord::Base.descendants.each(&:reset_column_information)
Redmine::DefaultData::Loader.load('en')

Setting.rest_api_enabled = '1'
Setting.login_required = '0'
Setting.text_formatting = 'textile'

manager = Role.find_by!(name: 'Manager')
role = Role.new(name: 'Deskwire')
role.permissions = %i[view_issues add_issues edit_issues add_issue_notes set_notes_private view_private_notes]
role.save!
role.copy_workflow_rules(manager)

project = Project.new(name: 'Social media', identifier: 'social', is_public: true)
project.trackers = Tracker.all
project.enabled_module_names = ['issue_tracking']
project.save!

made = { project: project.identifier, statuses: IssueStatus.all.map { |status| [status.name, status.id] }.to_h }
[['deskwire', 'Deskwire', '-', role], ['agent', 'Agnes', 'Agent', manager]].each do |login, first, last, given|
  user = User.new(firstname: first, lastname: last, mail: "#{login}@northwind.example", language: 'en')
  user.login = login
  user.password = user.password_confirmation = 'sandbox-only'
  user.save!
  Member.create!(project: project, principal: user, roles: [given])
  made[login] = { id: user.id, key: user.api_key }
end
puts JSON.generate(made)
