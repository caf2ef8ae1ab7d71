const VERSION = { groupVersion: 'discovery.k8s.io/v1', version: 'v1' }
const GROUP = { name: 'discovery.k8s.io', versions: [VERSION], preferredVersion: VERSION }

/** What clients such as kubectl ask first: which resources there are. */
const RESOURCES: Readonly<Record<string, object>> = {
  '/version': { major: '1', minor: '32', gitVersion: 'v1.32.0' },
  '/api': { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] },
  '/api/v1': { kind: 'APIResourceList', groupVersion: 'v1', resources: [] },
  '/apis': { kind: 'APIGroupList', apiVersion: 'v1', groups: [GROUP] },
  '/apis/discovery.k8s.io/v1': {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: VERSION.groupVersion,
    resources: [
      {
        name: 'endpointslices',
        singularName: 'endpointslice',
        namespaced: true,
        kind: 'EndpointSlice',
        verbs: ['get', 'list', 'watch']
      }
    ]
  }
}

export const resourcesAt = (path: string): object | undefined => RESOURCES[path]
