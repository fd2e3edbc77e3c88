import { describeNetwork } from './zoo.cases.ts'

describeNetwork('MobileNet')
describeNetwork('MobileNet_0.25')
describeNetwork('MobileNet_0.5')
describeNetwork('MobileNet_0.5_dm2')
describeNetwork('MobileNet_0.75')
