// Reads everything that the library "statuspage.io" can read from the page at the
// address that it is given, and prints it.
const {Statuspage} = require('statuspage.io');

async function main(address) {
  const client = new Statuspage('page');
  client.setApiUrl(address);
  const {api} = client;
  const [summary, status, components, incidents, unresolved, maintenances, upcoming] = await Promise.all([
    api.getSummary(),
    api.getStatus(),
    api.getComponents(),
    api.incidents.getAll(),
    api.incidents.getUnresolved(),
    api.scheduledMaintenances.getAll(),
    api.scheduledMaintenances.getUpcoming(),
  ]);
  console.log(JSON.stringify({summary, status, components, incidents, unresolved, maintenances, upcoming}));
}

main(process.argv[2]).catch(err => {
  console.error(err.message);
  process.exit(1);
});
