from two_workspaces.components.our_intercom import OurIntercom as OurIntercom
